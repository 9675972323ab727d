"""Dividing a network of any origin: by its constructor's widths, or by its structure."""
