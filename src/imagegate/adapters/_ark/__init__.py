"""What belongs to the ark adapter alone."""
