"""The sandbox's drawing office: everything that touches pixels, called in an executor. Only ``adapters.sandbox`` imports it."""
