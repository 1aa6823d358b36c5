"""What belongs to the modelscope adapter alone."""
