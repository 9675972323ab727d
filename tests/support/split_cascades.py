"""What the tests of exported cascades share: an ensemble whose images leave at every stage."""

from dataclasses import replace

import torch
from cascades import GREY, make_cascade
from torch import nn

from cotrain import Ensemble, divide, networks
from cotrain.config.cascade import CascadeSignal
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import sureness
from cotrain.ensemble.combining import log_probabilities

PIXELS = torch.randint(256, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0))


def linear_ensemble(combine: Combine = "mean_logits") -> Ensemble:
    """Three linear networks for grey 8x8 images of four classes, calibrated."""
    large = networks.spec("basic_resnet8_4", num_classes=4, in_channels=1, image_size=8)
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Flatten(), nn.Linear(64, 4)) for _ in range(3)]
    fitted = Calibration(combine=combine, temperature=0.7, weights=(0.5, 0.3, 0.2), images=50)
    fitted = fitted if combine.startswith("mean") else replace(fitted, weights=())
    spec = replace(divide(large, 3, seed=0).spec, combine=combine)
    return Ensemble(layers, replace(spec, preprocessing=GREY, calibration=fitted)).eval()


def with_cascade(
    ensemble: Ensemble, signal: CascadeSignal = "probability", kept: float = 0.5
) -> Ensemble:
    """The ensemble with a rule by which a share of the images goes on from each stage.

    Thresholds are between two values, so that no rounding moves an image to the other side.
    """
    rule = make_cascade(signal=signal, combine=ensemble.spec.combine)
    with torch.no_grad():
        logits = ensemble(ensemble.prepare(PIXELS))
    thresholds = []
    for count, calibration in rule.calibrations.items():
        own = logits[rule.first(count)]
        sure = sureness(own, log_probabilities(own, rule.combine, calibration), signal)
        values = sure.unique()
        place = min(int(kept * len(values)), len(values) - 2)
        thresholds.append(values[place : place + 2].mean().item())
    stages = tuple(
        replace(stage, threshold=threshold)
        for stage, threshold in zip(rule.stages, thresholds, strict=True)
    )
    ensemble.spec = replace(ensemble.spec, cascade=replace(rule, stages=stages))
    return ensemble
