"""What a run leaves: the ensemble that it ships, and how that answers the test images."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.data import Share, Splits
from cotrain.data.epoch_order import ALONE
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.peers.peer import Peer, load_any
from cotrain.evaluation.evaluate import collect_logits, evaluate_ensemble
from cotrain.evaluation.scores import Evaluation
from cotrain.execution.compiling import run_eagerly
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
    module: CoTraining,
    folder: RunFolder,
    splits: Splits,
    device: torch.device,
    share: Share = ALONE,
) -> RunResult:
    """Write the ensemble, and touch the test images, this once.

    Args:
        module: What was trained.
        folder: Where the first process writes.
        splits: The images.
        device: Where this process answers.
        share: Which of the processes this is that answer together; all must call it.
    """
    first, evaluation = share.rank == 0, None
    ensemble = _best(folder) if first and folder.best.exists() else shippable(module).eval()
    if first and not _is_there(ensemble, folder.ensemble):
        ensemble.save(folder.ensemble)
    ensemble.to(device)
    for network in ensemble.networks:
        run_eagerly(network)
    if share.world_size > 1:
        _send(ensemble)
    loading: dict[str, Any] = {
        "batch_size": module.experiment.batch_size,
        "workers": module.experiment.data.workers,
        "share": share,
    }
    if splits.test is not None and first:
        result = evaluate_ensemble(ensemble, splits, **loading)
        result.write(folder)
        evaluation = result.evaluation
    elif splits.test is not None:
        collect_logits(ensemble, splits.test, splits.preprocessing, **loading)
    return RunResult(folder=folder.root, ensemble=ensemble.cpu(), evaluation=evaluation)


def _is_there(ensemble: Ensemble | Peer, folder: Path) -> bool:
    """Whether it was shipped before: what was fitted for it since stays beside it then."""
    try:
        shipped = load_any(folder)
    except ConfigError:
        return False
    own, known = ensemble.state_dict(), shipped.state_dict()
    alike = own.keys() == known.keys() and shipped.spec.to_dict() == ensemble.spec.to_dict()
    return alike and all(torch.equal(each.cpu(), known[name]) for name, each in own.items())


def _send(ensemble: Ensemble | Peer) -> None:
    """Give all processes the first one's weights."""
    for tensor in ensemble.state_dict().values():
        sent = tensor.contiguous()
        dist.broadcast(sent, src=0)
        tensor.copy_(sent)


def _best(folder: RunFolder) -> Ensemble | Peer:
    try:
        return load_any(folder.best)
    except ConfigError as error:
        raise ConfigError(f"{error}; {best_is_lost(folder)}") from None
