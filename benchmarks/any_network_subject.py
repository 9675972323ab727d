"""What the checks of the benchmark of any network look at."""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from cotrain import Ensemble
from cotrain.basics.seeds import seeded
from cotrain.networks import ForeignSpec, build, image_shape_of


@dataclass(kw_only=True)
class Subject:
    """A large network and what it was divided into.

    Args:
        large: Its spec.
        ensemble: The S networks, freshly initialised.
        spread: Filled by ``initialisation``: how far the std of its tensors are off, as factors.
    """

    large: ForeignSpec
    ensemble: Ensemble
    spread: dict[str, float | str] = field(default_factory=dict)

    @property
    def small(self) -> ForeignSpec:
        network = self.ensemble.spec.network
        assert isinstance(network, ForeignSpec)
        return network

    @property
    def first(self) -> nn.Module:
        """One of the S networks."""
        return self.ensemble.networks[0]

    @cached_property
    def images(self) -> Tensor:
        """A batch [2, C, H, W]."""
        shape = 2, *image_shape_of(self.large)
        return torch.randn(shape, generator=torch.Generator().manual_seed(0))

    @cached_property
    def large_network(self) -> nn.Module:
        return self.fresh_large(0)

    def fresh_large(self, seed: int) -> nn.Module:
        with seeded(seed):
            return build(self.large)
