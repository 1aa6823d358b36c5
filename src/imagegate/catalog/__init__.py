"""Models as data: one YAML file an adapter, one row a model or glob. A new model is a new row, not code."""
