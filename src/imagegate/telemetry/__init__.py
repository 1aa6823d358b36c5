"""What the operator sees: log lines (and later metrics and traces)."""
