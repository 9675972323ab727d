"""What answers: S networks that give logits [S, B, C], in whatever form they are.

An ensemble, an execution of one and an exported file are asked, evaluated and timed alike.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from cotrain.basics.ahead import Sent, one_ahead
from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Shaped
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.ensemble.stages import StagedAnswers
from cotrain.networks.evaluating import evaluating


class AnsweringSpec(Protocol):
    """What is known of S networks that answer together.

    Attributes:
        arch: Name of the large network that was divided, or of those that were assembled.
        into: S.
        num_classes: C.
        image_shape: [C, H, W] of an image.
        combine: How the S answers become one.
        classes: Names of the classes in the order of the logits; empty when unknown.
        preprocessing: What an image goes through first; None when unknown.
        calibration: What makes the combined answer's probabilities right as often as they say.
        cascade: How only some of the networks are asked about an image; None where not fitted.
        params: Trainable parameters of all S networks.
        macs: Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs).
    """

    @property
    def arch(self) -> str: ...
    @property
    def into(self) -> int: ...
    @property
    def num_classes(self) -> int: ...
    @property
    def image_shape(self) -> tuple[int, int, int]: ...
    @property
    def combine(self) -> Combine: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def preprocessing(self) -> Preprocessing | None: ...
    @property
    def calibration(self) -> Calibration | None: ...
    @property
    def cascade(self) -> Cascade | None: ...
    @property
    def params(self) -> int: ...
    @property
    def macs(self) -> int: ...


class Answering(Protocol):
    """S networks that answer together."""

    @property
    def spec(self) -> AnsweringSpec: ...

    @property
    def device(self) -> torch.device:
        """Where the images have to be."""
        ...

    def prepare(self, pixels: Shaped[Tensor, "B C H W"]) -> Shaped[Tensor, "B C H W"]:
        """The images of a call, on ``device``, from pixels in 0..255.

        Raises:
            ConfigError: The spec does not say how.
        """
        ...

    def __call__(self, images: Shaped[Tensor, "B channels H W"], /) -> Float[Tensor, "S B C"]:
        """Logits of every network."""
        ...

    def answer_in_stages(
        self, images: Float[Tensor, "B channels H W"], /, *, calibrated: bool = True
    ) -> StagedAnswers:
        """The answers of the spec's cascade, which asks only some of the networks.

        Raises:
            ConfigError: There is none, or the networks cannot be asked one by one.
        """
        ...


def prepared(
    answering: Answering, pixels: Shaped[Tensor, "B C H W"], otherwise: Preprocessing
) -> Shaped[Tensor, "B C H W"]:
    """The images of a call, from pixels in 0..255.

    Args:
        answering: Who answers.
        pixels: uint8 or float.
        otherwise: How they are normalised where the spec does not say.
    """
    known = answering.spec.preprocessing is not None
    return answering.prepare(pixels) if known else otherwise.normalize(pixels)


def logits_of(
    answering: Answering, images: Shaped[Tensor, "B channels H W"]
) -> Float[Tensor, "S B C"]:
    """Logits in float32 on the CPU, in evaluation mode and without gradients."""
    return _asked(answering, images).arrived()


def logits_of_batches(
    answering: Answering, batches: Iterable[Shaped[Tensor, "B channels H W"]]
) -> Iterator[Float[Tensor, "S B C"]]:
    """``logits_of`` each batch; a GPU has the next batch before it is waited for."""
    return (sent.arrived() for sent in one_ahead(_asked(answering, each) for each in batches))


def _asked(answering: Answering, images: Tensor) -> Sent:
    with evaluating(answering), torch.inference_mode():
        return Sent(answering(images.to(answering.device)).float())


def staged_answers_of(
    answering: Answering, images: Shaped[Tensor, "B channels H W"], *, calibrated: bool = True
) -> StagedAnswers:
    """The answers of the cascade, in evaluation mode and without gradients."""
    with evaluating(answering), torch.inference_mode():
        return answering.answer_in_stages(images.to(answering.device), calibrated=calibrated)


def known_preprocessing(spec: AnsweringSpec) -> Preprocessing:
    """What an image goes through first.

    Raises:
        ConfigError: The spec does not say.
    """
    if spec.preprocessing is None:
        raise ConfigError(
            "the ensemble's spec has no preprocessing, so pixels cannot be made into its images: "
            "preprocess them and use Ensemble.predict"
        )
    return spec.preprocessing
