"""Building a foreign network narrower: other arguments, another structure, fresh weights."""
