"""Client protocols: HTTP in, HTTP out. ``openai`` is the one there is; around it keys, errors, health and picture urls."""
