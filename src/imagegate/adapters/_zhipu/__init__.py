"""What belongs to the zhipu adapter alone."""
