"""imagegate: one OpenAI-compatible Images API in front of every image provider."""

__version__ = "0.1.0"
