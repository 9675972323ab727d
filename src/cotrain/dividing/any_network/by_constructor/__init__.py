"""Building the same class with smaller widths."""
