"""Trained runs become one ensemble: which of their networks, and with which weights."""
