"""The teacher of a run: a trained ensemble that answers the views, and stays as it is."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.basics.shapes import Float
from cotrain.config import Experiment
from cotrain.data import Splits
from cotrain.ensemble.answering import known_preprocessing
from cotrain.ensemble.combining import combined_scores
from cotrain.ensemble.ensemble import Ensemble, shipped_folder
from cotrain.ensemble.folder import identity
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.ensemble.soft_targets import SoftTargets, full
from cotrain.evaluation.scores import check_classes
from cotrain.training.notices import say


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedTeacher:
    """A trained ensemble, in evaluation mode and without gradients.

    No part of the module that is trained: no checkpoint, average or optimizer holds it.

    Args:
        ensemble: Who answers.
        identity: Digest of what it answers by.
        change: Scale and shift, channel by channel, that normalise the networks' images as the
            teacher's; None where they are.
        weight: Its share in the loss.
        temperature: By which logits are divided.
        same_view: Whether all networks see one view, which is then answered once.
    """

    ensemble: Ensemble
    identity: str
    change: tuple[Float[Tensor, "C 1 1"], Float[Tensor, "C 1 1"]] | None
    weight: float
    temperature: float
    same_view: bool

    @torch.no_grad()
    def soft_targets(self, views: Float[Tensor, "S B C H W"]) -> SoftTargets:
        """The answers to the views that the networks see."""
        images = views[:1] if self.same_view else views
        if self.change is not None:
            scale, shift = (each.to(images.device) for each in self.change)
            images = images * scale + shift
        logits = self.ensemble(images.flatten(0, 1))
        scores = combined_scores(full(logits), self.ensemble.spec.combine)
        return SoftTargets(
            scores=scores.unflatten(0, images.shape[:2]).expand(len(views), -1, -1),
            weight=self.weight,
            temperature=self.temperature,
        )

    def begin(
        self,
        shape: tuple[int, ...],
        device: torch.device,
        context: Callable[[], AbstractContextManager[object]],
    ) -> float:
        """Move to the device; how long the answers to a step's views take, in milliseconds.

        Args:
            shape: Of the views, [S, B, C, H, W].
            device: Where they are.
            context: What a training step is in: autocast, where precision asks for it.

        Raises:
            ConfigError: The answers are not finite.
        """
        self.ensemble.to(device)
        with context():
            views = torch.zeros(shape, device=device)
            if not self.soft_targets(views).scores.isfinite().all():
                raise ConfigError("the teacher gives NaN or infinite logits: give another run")
            return min(self._timed(views) for _ in range(3))

    def _timed(self, views: Tensor) -> float:
        start = time.perf_counter()
        self.soft_targets(views).scores.sum().item()  # which waits for a GPU
        return (time.perf_counter() - start) * 1000


def open_teacher(experiment: Experiment, splits: Splits, output: RunFolder) -> FixedTeacher | None:
    """The teacher of an experiment on these images; None if it has none.

    Raises:
        ConfigError: It is missing or damaged, stands where the run will write, or answers other
            images or classes.
    """
    settings = experiment.teacher
    if settings.run is None:
        return None
    path = Path(settings.run)
    if not path.exists():
        raise ConfigError(
            f"teacher.run={path} is not there: give the folder of a run that has ended, or bring "
            "it back"
        )
    try:
        folder = shipped_folder(path)
        _check_apart(folder, output)
        ensemble = Ensemble.load(folder).requires_grad_(False)
        check_classes(ensemble, splits.classes)
        theirs, ours = known_preprocessing(ensemble.spec), splits.preprocessing
        _check_shape(theirs, ours)
    except ConfigError as error:
        raise ConfigError(f"teacher.run={path}: {error}") from None
    if ensemble.spec.calibration is not None and ensemble.spec.calibration.weights:
        say(f"teacher.run={path}: its networks count alike, not by the weights of its calibration")
    if experiment.hardware.precision == "64-true":
        ensemble.double()
    return FixedTeacher(
        ensemble=ensemble,
        identity=identity(folder),
        change=ours.change_to(theirs),
        weight=settings.weight,
        temperature=settings.temperature,
        same_view=experiment.views.same_view,
    )


def _check_apart(folder: Path, output: RunFolder) -> None:
    written = (output.root, output.ensemble, output.best)
    if folder.resolve() in [each.resolve() for each in written]:
        raise ConfigError(
            f"it is where --output {output.root} will be written: choose another --output"
        )


def _check_shape(theirs: Preprocessing, ours: Preprocessing) -> None:
    for name, of_teacher, own in (
        ("image_size", theirs.image_size, ours.image_size),
        ("in_channels", theirs.in_channels, ours.in_channels),
    ):
        if of_teacher != own:
            raise ConfigError(
                f"it takes images of {name} {of_teacher}, not {own}: give --data.{name} "
                f"{of_teacher}, or a teacher trained on these images"
            )
