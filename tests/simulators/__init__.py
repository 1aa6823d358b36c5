"""Fake providers, one module each, that behave as their documentation and their own SDK say."""
