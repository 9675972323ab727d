"""Peers: one network that gives S answers, as others make it, to compare S networks with."""
