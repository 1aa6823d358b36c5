"""What belongs to the qianfan adapter alone."""
