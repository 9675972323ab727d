"""Runs beside each other: how good each was on the test images, and what an answer costs."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from cotrain.basics.run_folder import RunFolder
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.ensemble import load_shipped
from cotrain.evaluation.evaluate import read_predictions
from cotrain.evaluation.scores import Scores, scores_of


@dataclass(frozen=True, kw_only=True)
class RunScores:
    """A run's ensemble on the test images, before any calibration.

    Args:
        name: As it is shown.
        into: S.
        scores: Of the combined answer; None where it was not tested on these images.
        params: Trainable parameters of all networks.
        macs: Multiply-accumulates of all networks for one image (1 MAC = 2 FLOPs).
    """

    name: str
    into: int
    scores: Scores | None
    params: int
    macs: int


def run_scores(folders: Mapping[str, RunFolder]) -> list[RunScores]:
    """The runs by name; the first says which test images it is about.

    Raises:
        ConfigError: What a run has left is missing or damaged.
    """
    found: list[RunScores] = []
    tested: torch.Tensor | None = None
    for name, folder in folders.items():
        spec = load_shipped(folder.root).spec
        scores = None
        if folder.predictions.is_file():
            logits, targets = read_predictions(folder)
            tested = targets if tested is None else tested
            if torch.equal(targets, tested):
                scores = scores_of(log_probabilities(logits, spec.combine), targets)
        found.append(
            RunScores(name=name, into=spec.into, scores=scores, params=spec.params, macs=spec.macs)
        )
    return found
