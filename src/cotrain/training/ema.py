"""An exponential moving average of an ensemble's weights and BatchNorm buffers."""

import copy
from collections.abc import Iterable

from torch import nn

from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.peers.peer import Peer
from cotrain.training.tensor_lists import TensorLists, move, state


class MovingAverage(nn.Module):
    """``average = decay * average + (1 - decay) * weights`` after each step.

    It starts with the initial weights, which a large decay would keep for long: see ``decay_at``.
    BatchNorm's running statistics are averaged as weights are; its counter is copied.

    Args:
        ensemble: What is averaged, step by step; a copy of it becomes the average.
        decay: From 0 (the weights themselves) to below 1.
    """

    def __init__(self, ensemble: Ensemble | Peer, decay: float) -> None:
        super().__init__()
        self.ensemble = copy.deepcopy(ensemble).requires_grad_(False)
        self.decay = decay
        self._own = [TensorLists(network, state) for network in self.ensemble.networks]
        self._new = [TensorLists(network, state) for network in ensemble.networks]

    def decay_at(self, step: int) -> float:
        """The decay of a step, counted from 0: it rises with the steps there are to average.

        The rise ``(1 + step) / (10 + step)`` is that of TensorFlow's ExponentialMovingAverage. It
        begins at 0.9, an average over ten steps: smaller decays forget the initial weights anyway.
        """
        return min(self.decay, max(0.9, (1 + step) / (10 + step)))

    def update(self, networks: Iterable[int], step: int) -> None:
        """Take in the networks that were trained in this step, counted from 0 for each network."""
        for index in networks:
            move(self._own[index](), self._new[index](), 1 - self.decay_at(step))
