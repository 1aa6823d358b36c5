"""What belongs to the minimax adapter alone."""
