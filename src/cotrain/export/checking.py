"""Whether an exported file answers as PyTorch does, and what lower precision costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.config.export import Precision
from cotrain.data import Splits
from cotrain.data.splits import held_out
from cotrain.ensemble.answering import Answering
from cotrain.evaluation.evaluate import collect_logits
from cotrain.evaluation.scores import evaluate_logits
from cotrain.export.exported import Exported

BATCH_SIZES = (1, 5)  # neither is the one that was traced
_CHUNK = 64  # images answered at once where the accuracy is measured

# Of probabilities. float32: other orders of summation gave at most 2e-6 over all families, and
# what is translated wrongly (an operation, an axis, TF32) is off by 1e-3 and more. float16 has
# 11 bits: logits near 10 are off by 1e-2, probabilities by a quarter of that. For int8 only the
# accuracy can say what is too much.
TOLERANCES: dict[Precision, float] = {"fp32": 1e-4, "fp16": 2e-2, "int8": float("inf")}


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far a file is from PyTorch in float32: the largest distance over all compared images.

    Args:
        probabilities: Of any class.
        mutual_information: In nats.
        logits: Of any network and class.
    """

    probabilities: float
    mutual_information: float
    logits: float


@dataclass(frozen=True, kw_only=True)
class PrecisionCost:
    """What the file's precision costs on images that did not train.

    Args:
        split: ``validation`` or ``test``.
        images: How many.
        top1: Accuracy of PyTorch in float32, and of the file.
        nll: Negative log-likelihood of both, in nats.
    """

    split: str
    images: int
    top1: tuple[float, float]
    nll: tuple[float, float]


def largest_distance(exported: Exported, program: nn.Module, batches: Sequence[Tensor]) -> Distance:
    """The largest distances between the file's outputs and the module's.

    Args:
        exported: The file.
        program: The same ensemble in PyTorch, in float32.
        batches: Images as both take them.
    """
    worst: dict[str, float] = {}
    for images in batches:
        with torch.no_grad():
            expected = program(images.float())
        found = exported.run(images)
        for name in ("probabilities", "mutual_information", "logits"):
            off = (found[name] - expected[name]).abs()
            # NaN is as far as can be.
            largest = off.nan_to_num(nan=torch.inf, posinf=torch.inf).max().item()
            worst[name] = max(worst.get(name, 0.0), largest)
    return Distance(**worst)


def refuse_distance(found: Distance, precision: Precision) -> None:
    """Raise ConfigError unless probabilities are as near to PyTorch's as the precision allows."""
    tolerance = TOLERANCES[precision]
    largest = max(found.probabilities, found.mutual_information)
    if largest > tolerance or largest == torch.inf:
        raise ConfigError(
            f"the exported ensemble does not answer as PyTorch does: probabilities differ by up "
            f"to {found.probabilities:.1e}, above the tolerance of {tolerance:.0e} for "
            f"precision={precision!r}: use another --precision or --format; nothing was written"
        )


def random_batches(image_shape: Sequence[int], *, pixels: bool, seed: int = 0) -> list[Tensor]:
    """Random images [B, C, H, W] at two batch sizes: pixels in 0..255, or normal numbers."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(size, *image_shape) for size in BATCH_SIZES]
    if pixels:
        return [torch.randint(256, shape, generator=generator).float() for shape in shapes]
    return [torch.randn(shape, generator=generator) for shape in shapes]


def measure_cost(splits: Splits, before: Answering, after: Answering) -> PrecisionCost:
    """Accuracy and NLL before and after.

    Args:
        splits: Of which the validation images are used, else those of the test.
        before: PyTorch in float32.
        after: The file.
    """
    images = held_out(splits)
    old, new = (
        evaluate_logits(
            *collect_logits(each, images, splits.preprocessing, batch_size=_CHUNK),
            each.spec.combine,
            each.spec.calibration,
        ).ensemble
        for each in (before, after)
    )
    return PrecisionCost(
        split="test" if splits.val is None else "validation",
        images=len(images),
        top1=(old.top1, new.top1),
        nll=(old.nll, new.nll),
    )
