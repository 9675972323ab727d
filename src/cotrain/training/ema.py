"""An exponential moving average of an ensemble's weights and BatchNorm buffers."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cotrain.ensemble.ensemble import Ensemble


class MovingAverage(nn.Module):
    """``average = decay * average + (1 - decay) * weights`` after each step.

    It starts with the initial weights, which a large decay would keep for long: see ``decay_at``.
    BatchNorm's running statistics are averaged as weights are; its counter is copied.

    Args:
        ensemble: What is averaged; it is copied.
        decay: From 0 (the weights themselves) to below 1.
    """

    def __init__(self, ensemble: Ensemble, decay: float) -> None:
        super().__init__()
        self.ensemble = copy.deepcopy(ensemble).requires_grad_(False)
        self.decay = decay

    def decay_at(self, step: int) -> float:
        """The decay of a step, counted from 0: it rises with the steps there are to average.

        The rise ``(1 + step) / (10 + step)`` is that of TensorFlow's ExponentialMovingAverage. It
        begins at 0.9, an average over ten steps: smaller decays forget the initial weights anyway.
        """
        return min(self.decay, max(0.9, (1 + step) / (10 + step)))

    @torch.no_grad()
    def update(self, ensemble: Ensemble, networks: Iterable[int], step: int) -> None:
        """Take in the networks that were trained in this step, counted from 0 for each network."""
        average: list[Tensor] = []
        current: list[Tensor] = []
        for index in networks:
            average += self.ensemble.networks[index].state_dict().values()
            current += ensemble.networks[index].state_dict().values()
        pairs = list(zip(average, current, strict=True))
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        lerp = get_ema_multi_avg_fn(self.decay_at(step))
        lerp([own for own, _ in floats], [new for _, new in floats], 0)
        for own, new in pairs:
            if not own.is_floating_point():
                own.copy_(new)
