"""Tests of all outgoing HTTP, with a lab internet for the guarded fetcher."""
