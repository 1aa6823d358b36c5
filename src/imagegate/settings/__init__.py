"""Configuration: one YAML file, environment overrides, and what is made from the environment when there is no file."""
