"""Asking only as many networks about an image as its cascade needs: the others do no work."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from cotrain.basics.shapes import Float, Int
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade, Stage, known_cascade, sureness
from cotrain.ensemble.combining import log_probabilities


@dataclass(frozen=True, kw_only=True, eq=False)
class StagedAnswers:
    """What a cascade answers, on the CPU.

    Args:
        log_p: Logarithms of the probabilities, in float64.
        asked: How many networks were asked about each image.
        logits: Of every network in float32; 0 where it was not asked.
        share: Of the MACs of all networks, those done for an image on average.
    """

    log_p: Float[Tensor, "B C"]
    asked: Int[Tensor, " B"]
    logits: Float[Tensor, "S B C"]
    share: float

    @property
    def probabilities(self) -> Float[Tensor, "B C"]:
        """Of the stage that each image left at."""
        return self.log_p.exp().float()


def answer_in_stages(
    ask: Callable[[int, Tensor], Tensor],
    images: Float[Tensor, "B channels H W"],
    classes: int,
    cascade: Cascade | None,
    calibration: Calibration | None,
) -> StagedAnswers:
    """The answers of as many networks as each image needs.

    Images whose answer is sure leave the batch; the others go on as a smaller one.

    Args:
        ask: Logits [B, C] that the network of an index gives for some of the images.
        images: Where the networks are.
        classes: C.
        cascade: The rule; None where there is none.
        calibration: Of the full ensemble, for the last stage.

    Raises:
        ConfigError: There is no cascade.
    """
    cascade = known_cascade(cascade)
    logits = torch.zeros(cascade.into, len(images), classes)
    log_p = torch.zeros(len(images), classes, dtype=torch.float64)
    asked = torch.full((len(images),), cascade.into)
    waiting = torch.arange(len(images))
    for begin, end, stage in _steps(cascade):
        for index in cascade.order[begin:end]:
            logits[index, waiting] = ask(index, images).float().cpu()
        own = logits[cascade.first(end)][:, waiting]
        here = log_probabilities(own, cascade.combine, cascade.calibrations.get(end, calibration))
        log_p[waiting] = here
        if stage is None:
            break
        sure = sureness(own, here, cascade.signal) >= stage.threshold
        asked[waiting[sure]] = end
        left = (~sure).nonzero().squeeze(1)
        if not len(left):
            break
        if len(left) < len(waiting):
            waiting, images = waiting[left], images[left.to(images.device)]
    share = cascade.mean_share(asked)
    return StagedAnswers(log_p=log_p, asked=asked, logits=logits, share=share)


def _steps(cascade: Cascade) -> Iterator[tuple[int, int, Stage | None]]:
    """Which places of the order are asked, up to which, and the stage that this is; None last."""
    ends = [0, *(stage.networks for stage in cascade.stages), cascade.into]
    for (begin, end), stage in zip(pairwise(ends), [*cascade.stages, None], strict=True):
        yield begin, end, stage
