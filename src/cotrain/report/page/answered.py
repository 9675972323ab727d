"""What a page of one ensemble is made of: the ensemble, its answers, and how good these are."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.basics.shapes import Float, Int
from cotrain.config import Data, Experiment
from cotrain.config.recipes import load_recipe
from cotrain.data import Splits, read_record
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.ensemble import Ensemble, load_shipped, shipped_folder
from cotrain.ensemble.peers.peer import Peer, load_any
from cotrain.evaluation.evaluate import evaluate_ensemble, read_predictions
from cotrain.evaluation.images import images_of_parts, images_to_test
from cotrain.evaluation.scores import Evaluation, evaluate_logits
from cotrain.evaluation.uncertainty.uncertainty import Uncertainty, uncertainty_of

_BATCH = 64  # images at once
_MOST_BYTES = 10**9  # of files read to compare images with those trained on: a minute of two cores


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedRun:
    """The run that trained an ensemble, and whose test images were answered.

    Args:
        folder: Where it is.
        experiment: Its settings.
    """

    folder: RunFolder
    experiment: Experiment


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """An ensemble, with its calibration, and its answers to test images.

    Args:
        ensemble: Who answers.
        logits: Of the test images.
        targets: Their classes.
        dataset: Name of their data set.
        tested_on: ``val`` where the images have selected the checkpoint, too.
        run: Whose ensemble and test images these are; None where it is of other images.
        loaded: The images; None where they are to be found as the run says.
        source: What was opened, for the foot of the page.
    """

    ensemble: Ensemble | Peer
    logits: Float[Tensor, "S N C"]
    targets: Int[Tensor, " N"]
    dataset: str
    tested_on: str
    run: TrainedRun | None = None
    loaded: Splits | None = None
    source: str = ""

    @property
    def networks(self) -> Ensemble:
        """The ensemble, which has S networks.

        Raises:
            ConfigError: It is a peer, one network that gives S answers.
        """
        if isinstance(self.ensemble, Peer):
            raise ConfigError(
                f"{self.source} is of a {self.ensemble.spec.peer} network, which has no page of "
                "its own: give the folder of the comparison"
            )
        return self.ensemble

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.ensemble.spec.classes or tuple(map(str, range(self.logits.shape[-1])))

    @cached_property
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

    @cached_property
    def images(self) -> Splits:
        """The test images, and those trained on where they are known and can be had soon.

        Raises:
            ConfigError: The test images are gone, or not those that were answered.
        """
        found = self.loaded or _images_of_run(self)
        self.check_same(found)
        return found

    def check_same(self, images: Splits) -> None:
        """Raise ConfigError unless these are the test images that were answered."""
        if images.test is None or not images.test.targets.equal(self.targets):
            raise ConfigError("the images are not those that were answered: evaluate again")


def _images_of_run(answered: Answered) -> Splits:
    assert answered.run is not None
    folder = answered.run.folder
    record = read_record(folder.split)
    if record is not None and sum(sum(each.sizes or ()) for each in record.parts.values()) < (
        _MOST_BYTES
    ):
        try:
            return images_of_parts(folder.root, answered.ensemble)
        except ConfigError:
            pass  # of those trained on; without them there is still a gallery
    return images_to_test(folder.root, answered.ensemble)


def open_run(path: Path) -> Answered:
    """Open a finished run.

    Raises:
        ConfigError: There is none, it has not ended, was not tested, or is damaged.
    """
    folder = RunFolder(path)
    folder.check_begun()
    ensemble = load_any(shipped_folder(path))
    logits, targets = read_predictions(folder)
    record, experiment = read_record(folder.split), load_recipe(folder.config)
    return Answered(
        ensemble=ensemble,
        logits=logits,
        targets=targets,
        dataset=experiment.data.dataset,
        tested_on="test" if record is None else record.origin.tested_on,
        run=TrainedRun(folder=folder, experiment=experiment),
        source=f"Run {path.resolve().name}, seed {experiment.seed}",
    )


def answer(path: Path, data: Data, device: str = "cpu") -> Answered:
    """Let an ensemble answer images, those of a run included.

    Args:
        path: An ensemble's folder, or a run.
        data: Which images.
        device: Where to answer.

    Raises:
        ConfigError: There is no ensemble or no image, or they do not fit each other.
    """
    ensemble = load_shipped(path).to(device)
    images = images_to_test(path, ensemble, data)
    found = evaluate_ensemble(ensemble, images, batch_size=_BATCH, workers=data.workers)
    root = "" if data.root is None else f" in {data.root}"
    return Answered(
        ensemble=ensemble,
        logits=found.logits,
        targets=found.targets,
        dataset=data.dataset,
        tested_on=found.tested_on,
        loaded=images,
        source=f"Ensemble {path.resolve().name}, answering {data.dataset}{root}",
    )
