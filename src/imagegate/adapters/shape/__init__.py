"""OpenAI's wire shape, for every adapter whose provider speaks it or a dialect of it."""
