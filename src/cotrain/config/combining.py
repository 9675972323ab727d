"""How the answers of S networks become one."""

from typing import Literal

Combine = Literal["mean_logits", "mean_probabilities", "max_logits", "max_probabilities"]
