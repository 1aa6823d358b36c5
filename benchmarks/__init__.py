"""How fast imagegate is, in ratios to other gateways in the same run. See README.md beside this file."""
