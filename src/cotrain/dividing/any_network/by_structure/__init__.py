"""Narrowing the layers of a built network."""
