"""Whether two networks do the same with equal weights."""

from functools import partial

import pytest
import torch
from torch import nn

from cotrain.networks.likeness import alike


class Scaled(nn.Module):
    def __init__(self, scale: float = 0.5, words: str = "token") -> None:
        super().__init__()
        self.scale, self.words, self.sizes = scale, words, (1, 2)
        self.layer = nn.Conv2d(3, 4, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images) * self.scale


def changed(name: str, value: object) -> Scaled:
    network = Scaled()
    setattr(network, name, value)
    return network


@pytest.mark.parametrize(
    "other",
    [
        Scaled(scale=0.25),
        Scaled(words="avg"),
        changed("sizes", (1, 3)),
        changed("forward", partial(torch.mul, 2)),
        changed("layer", nn.Conv2d(3, 4, 1, stride=2)),
        nn.Sequential(nn.Conv2d(3, 4, 1)),
    ],
)
def test_what_answers_in_another_way_is_not_alike(other: nn.Module) -> None:
    assert not alike(Scaled(), other)


def test_heads_that_no_layer_prints_are_told_apart() -> None:
    one, two, again = (nn.MultiheadAttention(8, heads) for heads in (1, 2, 2))
    assert repr(one) == repr(two)
    assert not alike(one, two)
    assert alike(two, again)


def test_what_changes_no_answer_counts_for_nothing() -> None:
    parametrized = [nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 1)) for _ in range(2)]
    assert alike(*parametrized)
    assert alike(Scaled(), Scaled(scale=0.5000001).eval())
    assert alike(Scaled(), changed("grad_checkpointing", True))
