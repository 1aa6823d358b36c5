"""What only Amazon Bedrock needs: bodies of its models' families, and signatures."""
