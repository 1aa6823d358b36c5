"""What only Hugging Face's router needs."""
