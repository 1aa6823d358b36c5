"""What belongs to the azure adapter alone."""
