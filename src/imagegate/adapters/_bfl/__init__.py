"""What belongs to the bfl adapter alone."""
