"""Numbers that tell of which images the ensemble is unsure: all larger where it is less sure."""

from collections.abc import Mapping
from typing import get_args

import torch
from torch import Tensor

from cotrain.basics.shapes import Float
from cotrain.config.calibration import Signal
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import log_probabilities, outputs_of

_CHUNK = 4096  # images whose float64 logits are held at once
SIGNALS: tuple[Signal, ...] = get_args(Signal)


def doubts_of(
    logits: Float[Tensor, "S N C"], combine: Combine, calibration: Calibration | None
) -> Mapping[Signal, Float[Tensor, " N"]]:
    """Every signal of every image, in the order of ``SIGNALS``.

    ``maximum probability``: 1 less that of the answer. ``entropy`` of the answer, in nats.
    ``mutual information`` of class and network, in nats. ``disagreement``: the share of networks
    that name another class. ``energy``: the negative log of the sum of the exponentials of the mean
    logits (arXiv:2010.03759).
    """
    parts = [_doubts(part.double(), combine, calibration) for part in logits.split(_CHUNK, dim=1)]
    return {name: torch.cat([each[name] for each in parts]) for name in SIGNALS}


def _doubts(
    logits: Tensor, combine: Combine, calibration: Calibration | None
) -> dict[Signal, Float[Tensor, " B"]]:
    outputs = outputs_of(logits, combine, calibration)
    log_p = log_probabilities(logits, combine, calibration)
    values = (
        1 - outputs["probabilities"].amax(-1),
        -(log_p.exp() * log_p).sum(-1),
        outputs["mutual_information"],
        outputs["disagreement"],
        -logits.mean(0).logsumexp(-1),
    )
    return dict(zip(SIGNALS, values, strict=True))
