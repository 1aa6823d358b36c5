"""Hosts of many models: one protocol around inputs that each model names in its own way."""
