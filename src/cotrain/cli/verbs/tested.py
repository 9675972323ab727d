"""What verbs that answer images ask for alike: who answers, to which images, loaded how."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cotrain.cli.verbs.arguments import checked_device
from cotrain.config import Data, Experiment
from cotrain.data import Splits
from cotrain.ensemble.answering import Answering


class Loading(NamedTuple):
    """How images are loaded.

    Attributes:
        batch_size: Images at once.
        workers: Processes that load them.
    """

    batch_size: int
    workers: int


def loading(run: Experiment | None, data: Data | None, batch_size: int | None) -> Loading:
    """As is asked for, or as in the run; 64 images at once where there is neither.

    Args:
        run: The settings of the run; None where there is none.
        data: Other images than its own; None for these.
        batch_size: Images at once, if that was said.
    """
    if batch_size is None:
        batch_size = 64 if run is None else run.batch_size
    settings = data or (run and run.data)
    return Loading(batch_size, settings.workers if settings else 0)


@dataclass(frozen=True, kw_only=True)
class Tested:
    """An ensemble and its test images.

    Args:
        ensemble: Who answers.
        run: The settings of its run; None where there is none.
        images: To be answered.
        loading: How they are loaded.
    """

    ensemble: Answering
    run: Experiment | None
    images: Splits
    loading: Loading


def opened(
    path: str, data: Data | None, *, batch_size: int | None, device: str, trust: bool
) -> Tested:
    """Open what answers, and the images; see the arguments of ``evaluate``.

    Raises:
        ConfigError: There is nothing to open, or no images for it.
    """
    from cotrain.evaluation.images import experiment_of, images_to_test
    from cotrain.export import open_answering

    ensemble = open_answering(path, checked_device(device), trust=trust)
    run = experiment_of(Path(path))
    return Tested(
        ensemble=ensemble,
        run=run,
        images=images_to_test(Path(path), ensemble, data),
        loading=loading(run, data, batch_size),
    )
