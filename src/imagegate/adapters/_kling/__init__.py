"""What belongs to the kling adapter alone."""
