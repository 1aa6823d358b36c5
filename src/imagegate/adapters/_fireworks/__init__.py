"""What belongs to the fireworks adapter alone."""
