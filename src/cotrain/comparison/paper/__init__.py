"""The rows of the paper: which recipes make them, and what our runs of these gave."""
