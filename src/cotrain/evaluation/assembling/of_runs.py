"""Assemble the networks of trained runs: all of them, or those that help; weighted or not."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.config.combining import Combine
from cotrain.data import Images, SplitRecord, Splits
from cotrain.data.shared_split import shared_split
from cotrain.ensemble.assemble import assembled, some_of
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.parts import parts_of
from cotrain.evaluation.assembling.choosing import (
    Select,
    Taken,
    WeightsOf,
    choose_networks,
    scores_without,
    weighted_scores,
)
from cotrain.evaluation.assembling.greedy import Pick
from cotrain.evaluation.evaluate import collect_logits
from cotrain.evaluation.images import images_of_parts, record_at
from cotrain.evaluation.scores import Scores, scores_of


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """A network that could be taken.

    Args:
        name: Whose.
        weight: In the ensemble; 0 where it was left out.
        macs: Multiply-accumulates for one image (1 MAC = 2 FLOPs).
        params: Trainable parameters.
        alone: Scores of it alone on the validation images; None where there are none.
        without: Scores of the ensemble without it; None where it is not in it, or alone there.
    """

    name: str
    weight: float
    macs: int
    params: int
    alone: Scores | None
    without: Scores | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Assembly:
    """An ensemble of the networks of runs.

    Args:
        ensemble: In evaluation mode.
        contributions: All networks that could be taken, in the order of the runs.
        picks: How they were picked; empty where all were taken.
        scores: Of the ensemble on the validation images; None where there are none.
        equal: The same with equal weights; None where they are.
        split: Which images all of them trained on, and held out.
        splits: The images.
    """

    ensemble: Ensemble
    contributions: tuple[Contribution, ...]
    picks: tuple[Pick, ...]
    scores: Scores | None
    equal: Scores | None
    split: SplitRecord
    splits: Splits

    def to_dict(self) -> dict[str, Any]:
        """What ``assembly.json`` holds."""
        spec = self.ensemble.spec
        return {
            "networks": [asdict(each) for each in self.contributions],
            "picks": [asdict(each) for each in self.picks],
            "validation": self.scores and asdict(self.scores),
            "equal_weights": self.equal and asdict(self.equal),
            "combine": spec.combine,
            "params": spec.params,
            "macs": spec.macs,
        }


def assemble_runs(
    runs: Sequence[Path | str],
    *,
    select: Select = "all",
    weights: WeightsOf = "auto",
    combine: Combine = "mean_logits",
    batch_size: int = 64,
    workers: int = 0,
    device: str = "cpu",
) -> Assembly:
    """The networks of runs as one ensemble; its weights are stored as its calibration.

    Args:
        runs: Run folders, or folders of ensembles that remember their split.
        select: All networks, or those that are picked greedily on the validation images, which
            count as often as they were picked.
        weights: Of each network: ``equal``, ``fitted`` to the images that were kept to calibrate
            on, or else to the validation images; ``auto`` is how often each was picked, or equal.
        combine: How the answers become one.
        batch_size: Images at once.
        workers: Processes that load images.
        device: Where the networks answer.

    Raises:
        ConfigError: Runs that are given twice, do not share their images, take other images or
            know other classes; or no images for what is asked for.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} is below 1: give at least 1")
    if not runs:
        raise ConfigError("nothing to assemble: name two run folders or more")
    paths = [Path(run) for run in runs]
    split = shared_split({str(path): record_at(path) for path in paths})
    parts = parts_of(paths, None)
    whole = assembled(parts, combine=combine).eval().to(device)
    splits = images_of_parts(paths[0], whole)

    def answers(images: Images) -> tuple[Tensor, Tensor]:
        loading: dict[str, Any] = {"batch_size": batch_size, "workers": workers}
        return collect_logits(whole, images, splits.preprocessing, **loading)

    known = None if splits.val is None else answers(splits.val)
    kept = None
    if weights == "fitted" and splits.calibration is not None:
        kept = answers(splits.calibration)
    taken = choose_networks(known, kept, whole.spec, select=select, weights=weights)
    ensemble = some_of(whole, taken.networks)
    ensemble.spec = replace(ensemble.spec, calibration=taken.calibration)
    names = [part.name for part in parts]
    return Assembly(
        ensemble=ensemble,
        contributions=tuple(_contributions(names, whole, taken, known)),
        picks=taken.picks,
        scores=known and weighted_scores(known, taken, combine),
        equal=known and taken.calibration and weighted_scores(known, taken.equal(), combine),
        split=split,
        splits=splits,
    )


def _contributions(
    names: Sequence[str], whole: Ensemble, taken: Taken, known: tuple[Tensor, Tensor] | None
) -> Iterator[Contribution]:
    for index, (name, cost) in enumerate(zip(names, whole.spec.costs(), strict=True)):
        alone = known and scores_of(known[0][index].double().log_softmax(-1), known[1])
        yield Contribution(
            name=name,
            weight=taken.weight_of(index),
            macs=cost.macs,
            params=cost.params,
            alone=alone,
            without=known and scores_without(index, known, taken, whole.spec.combine),
        )
