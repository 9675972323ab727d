"""What an ensemble answers to image files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from cotrain.config.combining import Combine


@dataclass(frozen=True, kw_only=True)
class LabelProbability:
    """A class and how probable it is.

    Args:
        label: Name of the class, or its index where names are unknown.
        probability: As the ensemble sees it.
    """

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer to one image file.

    Args:
        path: The file.
        label: Name of the most probable class, or its index where names are unknown.
        probability: Of that class, as the ensemble sees it.
        disagreement: Share of the networks that name another class than the ensemble.
        mutual_information: Of the class and the network, in nats: 0 where all answer alike.
        error: Why there is no answer: the file could not be decoded, or a network's logits are not
            finite. All else but the path is None then.
        top: The most probable classes, from the first on; None if they were not asked for.
        probabilities: Of every class by its label, in the order of the classes; None if they were
            not asked for.
        set: Labels of the classes of which the right one is one as often as ``cotrain calibrate``
            was asked for, the most probable first; None where that was not fitted, as is what
            follows.
        abstain: Whether the ensemble is not sure enough to answer.
        signal: Name of what tells wrong answers best.
        doubt: The value of that signal: larger where the answer is less sure.
        asked: How many networks a cascade asked; None where all were.
    """

    path: str
    label: str | None = None
    probability: float | None = None
    disagreement: float | None = None
    mutual_information: float | None = None
    error: str | None = None
    top: tuple[LabelProbability, ...] | None = None
    probabilities: Mapping[str, float] | None = None
    set: tuple[str, ...] | None = None
    abstain: bool | None = None
    signal: str | None = None
    doubt: float | None = None
    asked: int | None = None


class AnswersFiles:
    """What answers to images, and so to files of them."""

    def predict_files(
        self,
        paths: Path | str | Iterable[Path | str],
        *,
        top: int | None = None,
        probabilities: bool = False,
        combine: Combine | None = None,
        calibrated: bool = True,
        cascade: bool = False,
        batch_size: int = 64,
    ) -> list[Prediction]:
        """The answers to image files, and to all below folders, as ``cotrain predict`` gives them.

        Args:
            paths: Files and folders.
            top: How many of the most probable classes each row names besides; none if None.
            probabilities: Give the probability of every class besides.
            combine: How to combine; the spec's own way if None.
            calibrated: Use the spec's calibration, if it has one.
            cascade: Ask only as many networks about each image as the spec's cascade does.
            batch_size: Images at once.

        Raises:
            ConfigError: No such path, no such classes, or no preprocessing or cascade in the spec.
        """
        # By name: files are read in rooms above this one, to which this is but a shortcut.
        room = import_module("cotrain.evaluation.prediction")
        asked = {"top": top, "probabilities": probabilities}
        asked |= {"calibrated": calibrated, "cascade": cascade}
        return list(
            room.predict_files(self, room.find_images(paths).files, batch_size, combine, **asked)
        )
