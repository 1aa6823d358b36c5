"""Real clients against a running gateway."""
