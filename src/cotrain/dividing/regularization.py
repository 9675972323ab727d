"""Regularisation shrinks with capacity: what is divided beside the widths."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any


def divide_weight_decay(weight_decay: float, into: int) -> float:
    """Weight decay of each of ``into`` networks: ``weight_decay * exp(1/S - 1)``.

    Source: arXiv:2011.14660, Eq. 6. Equal to ``weight_decay`` for ``into=1``.
    """
    return weight_decay * math.exp(1 / into - 1)


def divide_probabilities(spec: Any, exponents: Mapping[str, float], into: int) -> Any:
    """The spec with each probability p that ``exponents`` names replaced by ``p / S**exponent``.

    Dropout before the classifier is divided by S in the ResNet family and by sqrt(S) in the
    SE families and EfficientNet; ShakeDrop, drop-connect and DropBlock by sqrt(S).
    """
    return replace(spec, **{p: getattr(spec, p) / into**e for p, e in exponents.items()})
