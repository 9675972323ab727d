"""The paper's rows with their exact cost, and the finished runs that each can be compared with."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.basics.watching import watched
from cotrain.config import Experiment, flat_settings
from cotrain.config.published import PublishedResult
from cotrain.config.recipes import load_recipe
from cotrain.dividing import divide_spec
from cotrain.dividing.division import network_cost
from cotrain.networks.registry import named_spec

# Settings that change where and how fast a run is computed, or draw it anew.
_FREE = (
    "seed",
    "checkpoint_steps",
    "data.root",
    "data.download",
    "data.unreadable",
    "data.scan",
    "data.workers",
    "hardware.",
)


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run that has been tested.

    Args:
        folder: Where it is.
        experiment: Its settings.
        error: Top-1 error of the ensemble in percent.
        images: How many it was tested on.
    """

    folder: str
    experiment: Experiment
    error: float
    images: int

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values, of the settings those that the tables show."""
        return {
            "folder": self.folder,
            "network": self.experiment.network,
            "into": self.experiment.into,
            "dataset": self.experiment.data.dataset,
            "epochs": self.experiment.epochs,
            "error": self.error,
            "images": self.images,
        }


@dataclass(frozen=True, kw_only=True)
class PaperRow:
    """A row of the paper's tables.

    Args:
        published: What the paper reports.
        params: Trainable parameters of all S networks.
        macs: Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs).
        runs: Runs of the same network, S and images.
    """

    published: PublishedResult
    params: int
    macs: int
    runs: tuple[FinishedRun, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        runs = [{**run.to_dict(), "other_settings": other_settings(run, self)} for run in self.runs]
        return {
            **asdict(self.published),
            "error": self.published.error,
            "recipe": self.published.recipe,
            "params": self.params,
            "macs": self.macs,
            "runs": runs,
        }


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The paper's rows with runs beside them, and the runs that fit none of the rows."""

    rows: tuple[PaperRow, ...]
    others: tuple[FinishedRun, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return {
            "rows": [row.to_dict() for row in self.rows],
            "other_runs": [run.to_dict() for run in self.others],
        }


def finished_run(folder: Path) -> FinishedRun:
    """Read a run folder.

    Raises:
        ConfigError: It holds no run, or one that was not tested.
    """
    run = RunFolder(folder)
    run.check_begun()
    outcome = run.outcome()
    if outcome is None:
        raise ConfigError(
            f"{folder} is a run that was not tested: finish it with cotrain train --resume {folder}"
        )
    return FinishedRun(
        folder=str(folder),
        experiment=load_recipe(run.config),
        error=100 * (1 - outcome.top1),
        images=outcome.images,
    )


def reproduce(results: Sequence[PublishedResult], runs: Sequence[FinishedRun]) -> Reproduction:
    """The rows of ``results``, and beside each the runs that are nearest to it."""
    places = [_place(run, results) for run in runs]
    rows: list[PaperRow] = []
    for result in watched(results, "counting parameters and MACs", 1, len(results)):
        params, macs = _cost(result.network, result.dataset, result.into, result.image_size)
        here = tuple(run for run, place in zip(runs, places, strict=True) if place is result)
        rows.append(PaperRow(published=result, params=params, macs=macs, runs=here))
    others = tuple(run for run, place in zip(runs, places, strict=True) if place is None)
    return Reproduction(rows=tuple(rows), others=others)


def _place(run: FinishedRun, results: Sequence[PublishedResult]) -> PublishedResult | None:
    """Of the rows with the run's network, S and images that with the nearest epochs."""
    mine = run.experiment
    if mine.data.train_images or mine.data.test_images:
        return None  # not the paper's images
    same = [each for each in results if _what(each) == _what_of_run(each, mine)]
    return min(same, key=lambda each: abs(each.epochs - mine.epochs), default=None)


def _what(result: PublishedResult) -> tuple[Any, ...]:
    return result.network, result.into, result.dataset, result.image_size


def _what_of_run(result: PublishedResult, run: Experiment) -> tuple[Any, ...]:
    usual = 224 if result.dataset == "imagenet" else 32
    return run.network, run.into, run.data.dataset, run.data.image_size or usual


@cache
def _cost(network: str, dataset: str, into: int, image_size: int) -> tuple[int, int]:
    """Params and MACs of all S networks."""
    large = named_spec(network, dataset=dataset, image_size=image_size)
    small = network_cost(divide_spec(large, into))
    return into * small.params, into * small.macs


def other_settings(run: FinishedRun, row: PaperRow) -> dict[str, Any]:
    """The settings in which a run differs from the row's recipe, by dotted name."""
    recipe = flat_settings(load_recipe(row.published.recipe))
    return {
        name: value
        for name, value in flat_settings(run.experiment).items()
        if value != recipe[name] and not name.startswith(_FREE)
    }
