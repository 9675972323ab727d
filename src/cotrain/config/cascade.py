"""How sure some of the networks are of an image, so that the others need not be asked."""

from typing import Literal

CascadeSignal = Literal["probability", "margin", "entropy", "agreement"]
