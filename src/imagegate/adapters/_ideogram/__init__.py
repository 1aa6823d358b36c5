"""What belongs to the ideogram adapter alone."""
