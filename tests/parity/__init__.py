"""Recorded values of the paper's implementation; a package, so that file names may repeat."""
