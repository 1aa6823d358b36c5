"""What only the Vertex AI adapter needs: credentials of Google Cloud, and Imagen."""
