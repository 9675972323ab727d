"""What an ensemble answers to one image file."""

from collections.abc import Mapping
from dataclasses import dataclass


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
    """

    path: str
    label: str | None = None
    probability: float | None = None
    disagreement: float | None = None
    mutual_information: float | None = None
    error: str | None = None
    top: tuple[LabelProbability, ...] | None = None
    probabilities: Mapping[str, float] | None = None
