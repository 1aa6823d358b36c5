"""What only Cloudflare Workers AI needs."""
