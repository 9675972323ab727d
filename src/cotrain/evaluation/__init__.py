"""How good an ensemble is, and what it answers to files."""
