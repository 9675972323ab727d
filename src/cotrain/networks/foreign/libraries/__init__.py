"""The libraries that bring networks, one a file: what is known of each."""
