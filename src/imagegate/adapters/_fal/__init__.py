"""What belongs to the fal adapter alone."""
