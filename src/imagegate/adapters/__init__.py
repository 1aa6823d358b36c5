"""One file a provider. Shared: ``base`` (the contract), ``registry`` (name → adapter), ``shape`` (OpenAI's wire shape)."""
