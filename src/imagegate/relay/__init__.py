"""The use case: choose a candidate, attempt, fall back while it is safe, hand the pictures on."""
