"""Probabilities that can be believed: fitted on validation images, shipped with the ensemble."""
