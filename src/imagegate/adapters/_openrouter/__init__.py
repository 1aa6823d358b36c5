"""What belongs to the openrouter adapter alone."""
