"""What belongs to the replicate adapter alone."""
