"""What ``evaluate`` and ``uncertainty`` ask for alike: who answers, and to which images."""

from dataclasses import dataclass
from pathlib import Path

from cotrain.cli.verbs.arguments import checked_device
from cotrain.config import Data, Experiment
from cotrain.data import Splits
from cotrain.ensemble.answering import Answering


@dataclass(frozen=True, kw_only=True)
class Tested:
    """An ensemble and its test images.

    Args:
        ensemble: Who answers.
        run: The settings of its run; None where there is none.
        images: To be answered.
        batch_size: Images at once.
        workers: Processes that load images.
    """

    ensemble: Answering
    run: Experiment | None
    images: Splits
    batch_size: int
    workers: int


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
    settings = data or (run and run.data)
    return Tested(
        ensemble=ensemble,
        run=run,
        images=images_to_test(Path(path), ensemble, data),
        batch_size=batch_size if batch_size is not None else run.batch_size if run else 64,
        workers=settings.workers if settings else 0,
    )
