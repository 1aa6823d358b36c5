"""Google's ``generateContent`` shape, for the Gemini API and for Vertex AI."""
