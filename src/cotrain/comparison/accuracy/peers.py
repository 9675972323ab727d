"""Peers as candidates: one network with several answers, trained as the networks beside it are."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from cotrain.basics.errors import ConfigError
from cotrain.comparison.accuracy.candidates import Candidate
from cotrain.comparison.accuracy.run import Run
from cotrain.config import Experiment
from cotrain.config.peer import PeerKind
from cotrain.data import Splits
from cotrain.ensemble.peers.library import check_installed

# Answers where no number is given. Four packed estimators cost what the large network costs; the
# authors of MIMO give it 2 or 3, as every one takes its share of the network's width.
_ANSWERS: dict[PeerKind, int] = {"packed": 4, "mimo": 2}
_NAMES: dict[PeerKind, str] = {"packed": "packed", "mimo": "MIMO"}


def list_peers(experiment: Experiment, peers: Sequence[str]) -> list[Candidate]:
    """The peers that are asked for, with all settings that they share with the others.

    They have no co-training loss, and run in a loop as they are one network.

    Args:
        experiment: What all candidates share.
        peers: Such as ``packed``, ``mimo:3`` for three answers, or ``mimo:3:0.6`` with an
            ``input_repetition``.

    Raises:
        ConfigError: An unknown peer, a number of answers below 2, settings that are for networks
            of their own, or an extra that is not installed.
    """
    if experiment.peer != "none":
        raise ConfigError(
            f"peer={experiment.peer} would be of all candidates: give --peers {experiment.peer}"
        )
    found = [_candidate(experiment, peer) for peer in peers]
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise ConfigError(f"peers={','.join(peers)} names one twice: give each once")
    return found


def _candidate(experiment: Experiment, peer: str) -> Candidate:
    read = re.fullmatch(r"(packed|mimo)(?::(\d+)(?::(\d*\.?\d+))?)?", peer.strip())
    if read is None:
        raise ConfigError(
            f"peers={peer!r} is not known: use some of packed,mimo, with the number of answers if "
            "it is to be another (packed:2), and mimo with an input repetition, too (mimo:2:0.6)"
        )
    kind = cast(PeerKind, read[1])
    check_installed(kind)
    answers = int(read[2] or _ANSWERS[kind])
    settings = replace(
        experiment,
        into=answers,
        peer=kind,
        input_repetition=float(read[3] or 0),
        co_training=replace(experiment.co_training, weight=0.0),
        hardware=replace(experiment.hardware, execution="loop"),
    )
    name, slug = f"{_NAMES[kind]} {answers}", f"{kind}{answers}"
    if settings.input_repetition:
        name += f", repetition {settings.input_repetition:g}"
        slug += f"-{settings.input_repetition:g}"
    return Candidate(name=name, slug=slug, experiment=settings)


def check_built(runs: Sequence[Run], splits: Splits) -> None:
    """Raise ConfigError if a peer, or networks that differ, cannot be built so, before anything is
    trained."""
    # Imported here because Lightning, which comes with it, takes seconds.
    from cotrain.training.from_experiment import experiment_ensemble

    first = {
        run.candidate: run
        for run in runs
        if run.experiment.peer != "none" or run.experiment.is_mixed
    }
    for run in first.values():
        experiment_ensemble(run.experiment, splits, resumed=True)  # whose weights are not needed
