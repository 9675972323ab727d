"""What a run leaves: the ensemble that it ships, and how that answers the test images."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.data import Splits
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.peers.peer import Peer, load_any
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.scores import Evaluation
from cotrain.training.module import CoTraining
from cotrain.training.resuming import best_is_lost


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run leaves.

    Args:
        folder: The run folder.
        ensemble: What is shipped, in evaluation mode, on the CPU.
        evaluation: Its result on the test images; None when there are none.
    """

    folder: Path
    ensemble: Ensemble | Peer
    evaluation: Evaluation | None


def shippable(module: CoTraining) -> Ensemble | Peer:
    """What answers, in float32, in which ensembles are kept; a copy where it trains in float64."""
    if module.experiment.hardware.precision != "64-true":
        return module.answering
    return copy.deepcopy(module.answering).float()


def ship_ensemble(
    module: CoTraining, folder: RunFolder, splits: Splits, device: torch.device
) -> RunResult:
    """Write the ensemble, and touch the test images, this once."""
    ensemble = _best(folder) if folder.best.exists() else shippable(module).eval()
    ensemble.save(folder.ensemble)
    evaluation = None
    if splits.test is not None:
        result = evaluate_ensemble(
            ensemble.to(device),
            splits,
            batch_size=module.experiment.batch_size,
            workers=module.experiment.data.workers,
        )
        result.write(folder)
        evaluation = result.evaluation
    return RunResult(folder=folder.root, ensemble=ensemble.cpu(), evaluation=evaluation)


def _best(folder: RunFolder) -> Ensemble | Peer:
    try:
        return load_any(folder.best)
    except ConfigError as error:
        raise ConfigError(f"{error}; {best_is_lost(folder)}") from None
