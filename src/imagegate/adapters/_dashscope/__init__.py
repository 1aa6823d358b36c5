"""What belongs to the dashscope adapter alone: its bodies, results and error codes."""
