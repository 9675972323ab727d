"""What was fitted with a calibration says of each image: its set, whether to abstain, its doubt."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from cotrain.basics.shapes import Float
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import log_probabilities
from cotrain.evaluation.uncertainty.conformal import sets_of
from cotrain.evaluation.uncertainty.signals import doubts_of


def rules_of(
    logits: Float[Tensor, "S B C"],
    labels: Sequence[str],
    combine: Combine,
    calibration: Calibration | None,
) -> list[dict[str, Any]]:
    """The fields ``set``, ``abstain``, ``signal`` and ``doubt`` of each image's ``Prediction``.

    Those are left out that were not fitted.

    Args:
        logits: Of every network.
        labels: The C names of the classes.
        combine: How the S answers become one.
        calibration: What was fitted; None for nothing.
    """
    rows: list[dict[str, Any]] = [{} for _ in range(logits.shape[1])]
    if calibration is None:
        return rows
    p = log_probabilities(logits, combine, calibration).exp()
    columns: dict[str, list[Any]] = {}
    if calibration.sets is not None:
        inside, order = sets_of(p, calibration.sets), p.argsort(descending=True, stable=True)
        columns["set"] = [
            tuple(labels[place] for place in places if has[place])
            for places, has in zip(order.tolist(), inside.tolist(), strict=True)
        ]
    if calibration.abstention is not None:
        columns["abstain"] = (p.amax(-1) < calibration.abstention.least).tolist()
    if calibration.signal is not None:
        name = calibration.signal.name
        columns["signal"] = [name] * len(p)
        columns["doubt"] = doubts_of(logits, combine, calibration)[name].tolist()
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return rows
