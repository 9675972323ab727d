"""How much accuracy is lost where an image leaves a cascade, as a function of how sure it is.

Counting the right answers of a few hundred images says little about a tenth of a point: the
thresholds that look best lose most on other images. Two things make the estimate a steady one. The
loss of an image is how much less probable the full ensemble holds the stage's class than its own:
0 where both name one class, whatever the label. And it is taken from a logistic curve in the logit
of the sureness, so that what has not been seen among the sure images is not taken for impossible.
Firth's correction (Biometrika 80, 1993) adds to what was seen about the loss of one image, and
keeps the curve finite where no image loses.
"""

import torch
from torch import Tensor

from cotrain.basics.shapes import Float

_STEPS = 100
_NARROW = 1e-9  # from 0 and 1, where the logit ends
_RIDGE = 1e-6  # of an image, for a sureness that is the same everywhere


def expected_losses(
    sure: Float[Tensor, " N"], losses: Float[Tensor, " N"], of: Float[Tensor, " M"]
) -> Float[Tensor, " M"]:
    """The loss that is expected of images, by how sure they are.

    Args:
        sure: From 0 to 1, of images whose losses are known.
        losses: Theirs, from 0 to 1.
        of: How sure the images in question are.
    """
    x = _logit(sure)
    mean, spread = x.mean(), x.std(correction=0).clamp(min=_NARROW)
    known, asked = (_columns((each - mean) / spread) for each in (x, _logit(of)))
    numbers = torch.zeros(2, dtype=known.dtype)
    numbers[0] = torch.logit((losses.sum() + 0.5) / (len(losses) + 1))
    for _ in range(_STEPS):
        p = (known @ numbers).sigmoid()
        spreads = p * (1 - p)
        inverse = torch.linalg.inv(known.T @ (spreads[:, None] * known) + _RIDGE * torch.eye(2))
        leverage = spreads * ((known @ inverse) * known).sum(1)
        step = inverse @ (known.T @ (losses - p + leverage * (0.5 - p)))
        numbers = numbers + step.clamp(-1, 1)
        if step.abs().max() < 1e-8:
            break
    return (asked @ numbers).sigmoid()


def _logit(sure: Tensor) -> Tensor:
    return torch.logit(sure.double().clamp(_NARROW, 1 - _NARROW))


def _columns(x: Tensor) -> Tensor:
    return torch.stack([torch.ones_like(x), x], dim=1)
