"""OpenAI's Images API as clients speak it: bodies in, JSON or SSE out."""
