"""The files that an ensemble can become, one format a file."""
