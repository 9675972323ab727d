"""Sets of classes that hold the right one as often as wanted: split conformal prediction.

The guarantee is for new images that are drawn as those were that the threshold is of, mean over
both: at least ``coverage``; it holds whatever the probabilities are worth, and good ones make small
sets. A temperature that was fitted to the same images bends it by next to nothing.
"""

import math

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Int, Shaped
from cotrain.config.calibration import SetMethod
from cotrain.ensemble.calibration import PredictionSets

# Of arXiv:2009.14193 for ImageNet: every class after the fifth is made less likely by this.
_PENALTY, _FREE = 0.01, 5


def strangeness(p: Float[Tensor, "N C"], method: SetMethod) -> Float[Tensor, "N C"]:
    """How little each class fits each image.

    ``lac``: 1 less its probability (arXiv:1609.00451). ``aps``: the probability of it and all that
    are more probable, not randomised (arXiv:2006.02544). ``raps``: the same, and a penalty for
    every class beyond the fifth (arXiv:2009.14193).

    Args:
        p: Probabilities.
        method: Which.
    """
    if method == "lac":
        return 1 - p
    ordered, classes = p.sort(dim=-1, descending=True, stable=True)
    scores = ordered.cumsum(-1)
    if method == "raps":
        places = torch.arange(1, p.shape[-1] + 1)
        scores = scores + _PENALTY * (places - _FREE).clamp(min=0)
    return torch.empty_like(p).scatter(-1, classes, scores)


def fit_sets(
    p: Float[Tensor, "N C"], targets: Int[Tensor, " N"], method: SetMethod, coverage: float
) -> PredictionSets:
    """The threshold below which a class is in the set.

    Args:
        p: Probabilities of images that were not trained on, in float64.
        targets: Their classes.
        method: How strange a class is.
        coverage: How often the set is to hold the right class.

    Raises:
        ConfigError: Too few images for such a coverage.
    """
    place = math.ceil((len(targets) + 1) * coverage)
    if place > len(targets):
        raise ConfigError(
            f"coverage={coverage} takes {math.ceil(coverage / (1 - coverage))} images to calibrate "
            f"on, there are {len(targets)}: give a smaller one, or more images"
        )
    scores = strangeness(p, method).gather(1, targets[:, None]).squeeze(1)
    threshold = scores.sort().values[place - 1].item()
    return PredictionSets(method=method, coverage=coverage, threshold=threshold)


def sets_of(p: Float[Tensor, "N C"], rule: PredictionSets) -> Shaped[Tensor, "N C"]:
    """Whether each class is in the set of each image; the most probable one always is."""
    # Sums of probabilities come in another order on another machine.
    inside = strangeness(p, rule.method) <= rule.threshold + 1e-9
    return inside.scatter(-1, p.argmax(-1, keepdim=True), value=True)
