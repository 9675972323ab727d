"""Probabilities that can be believed: fitted on images held out, shipped with the ensemble."""
