"""What belongs to the xai adapter alone."""
