"""Workflows of ComfyUI: where they come from, and how they are filled."""
