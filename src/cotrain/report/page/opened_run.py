"""A run, opened for a report: its settings, ensemble, answers, and how good these are."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from cotrain.basics.run_folder import RunFolder
from cotrain.basics.shapes import Float, Int
from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe
from cotrain.data import read_record
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.evaluation.evaluate import read_predictions
from cotrain.evaluation.scores import Evaluation, evaluate_logits
from cotrain.evaluation.uncertainty.uncertainty import Uncertainty, uncertainty_of


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenedRun:
    """A finished run.

    Args:
        folder: Where it is.
        experiment: Its settings.
        ensemble: What it ships, with its calibration.
        logits: Of its test images.
        targets: Their classes.
        tested_on: ``val`` where the test images have selected the checkpoint, too.
    """

    folder: RunFolder
    experiment: Experiment
    ensemble: Ensemble
    logits: Float[Tensor, "S N C"]
    targets: Int[Tensor, " N"]
    tested_on: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.ensemble.spec.classes or tuple(map(str, range(self.logits.shape[-1])))

    def log_p(self) -> Float[Tensor, "N C"]:
        """The ensemble's answers."""
        spec = self.ensemble.spec
        return log_probabilities(self.logits, spec.combine, spec.calibration)

    @cached_property
    def evaluation(self) -> Evaluation:
        """How good the answers are."""
        spec = self.ensemble.spec
        return evaluate_logits(
            self.logits, self.targets, spec.combine, spec.calibration, self.labels
        )

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """How far they can be trusted."""
        spec = self.ensemble.spec
        return uncertainty_of(self.logits, self.targets, spec.combine, spec.calibration)


def open_run(path: Path) -> OpenedRun:
    """Open a finished run.

    Raises:
        ConfigError: There is none, it has not ended, was not tested, or is damaged.
    """
    folder = RunFolder(path)
    folder.check_begun()
    ensemble = load_shipped(path)
    logits, targets = read_predictions(folder)
    record = read_record(folder.split)
    return OpenedRun(
        folder=folder,
        experiment=load_recipe(folder.config),
        ensemble=ensemble,
        logits=logits,
        targets=targets,
        tested_on="test" if record is None else record.origin.tested_on,
    )
