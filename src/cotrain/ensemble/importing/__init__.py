"""Weights of other origin: checkpoints of the paper's authors, and twins of library networks."""
