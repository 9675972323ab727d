"""An exponential moving average of an ensemble's weights and BatchNorm buffers."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cotrain.ensemble.ensemble import Ensemble


class MovingAverage(nn.Module):
    """``average = decay * average + (1 - decay) * weights`` after each step.

    It starts with the initial weights. BatchNorm's running statistics are averaged as weights are;
    its counter is copied.

    Args:
        ensemble: What is averaged; it is copied.
        decay: From 0 (the weights themselves) to below 1.
    """

    def __init__(self, ensemble: Ensemble, decay: float) -> None:
        super().__init__()
        self.ensemble = copy.deepcopy(ensemble).requires_grad_(False)
        self._lerp = get_ema_multi_avg_fn(decay)

    @torch.no_grad()
    def update(self, ensemble: Ensemble, networks: Iterable[int]) -> None:
        """Take in the networks that were trained in this step."""
        average: list[Tensor] = []
        current: list[Tensor] = []
        for index in networks:
            average += self.ensemble.networks[index].state_dict().values()
            current += ensemble.networks[index].state_dict().values()
        pairs = list(zip(average, current, strict=True))
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._lerp([own for own, _ in floats], [new for _, new in floats], 0)
        for own, new in pairs:
            if not own.is_floating_point():
                own.copy_(new)
