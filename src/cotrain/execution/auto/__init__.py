"""Choosing a strategy: measured on this machine, and remembered."""
