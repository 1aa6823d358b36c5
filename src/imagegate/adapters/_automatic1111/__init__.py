"""What belongs to the automatic1111 adapter alone."""
