"""Kling's protocol of jobs, which Qianfan sells under its own name."""
