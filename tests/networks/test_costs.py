"""Parameters and MACs against formulas by hand; 1 MAC = 2 FLOPs."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cotrain.networks.costs import count_macs, count_params

DEVICES = ("cpu", "meta")


class Attention(nn.Module):
    """One attention over the pixels of an image as tokens of D channels."""

    D, HEADS = 8, 2

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.qkv = nn.Linear(self.D, 3 * self.D)
        self.attention = nn.MultiheadAttention(self.D, self.HEADS, batch_first=True)
        self.layer = nn.TransformerEncoderLayer(self.D, self.HEADS, 2 * self.D, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        tokens = images.flatten(2).transpose(1, 2)
        if self.kind == "module":
            return self.attention(tokens, tokens, tokens)[0]
        if self.kind == "layer":
            return self.layer(tokens)
        q, k, v = (
            part.unflatten(-1, (self.HEADS, -1)).transpose(1, 2)
            for part in self.qkv(tokens).chunk(3, -1)
        )
        if self.kind == "fused":
            return F.scaled_dot_product_attention(q, k, v)
        return (q @ k.transpose(-2, -1)).softmax(-1) @ v


def attention_macs(kind: str, tokens: int, d: int) -> int:
    """Three projections and two products of tokens x tokens x d, and what comes after them."""
    attention = tokens * d * 3 * d + 2 * tokens**2 * d
    output = tokens * d**2
    feed_forward = 2 * tokens * d * 2 * d
    return attention + {"module": output, "layer": output + feed_forward}.get(kind, 0)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", ["module", "layer", "fused", "plain"])
def test_attention_is_counted_however_it_is_computed(kind, device):
    with torch.device(device):
        network = Attention(kind)
    assert count_macs(network, (8, 5, 3)) == attention_macs(kind, tokens=15, d=8)


def test_fused_attention_is_as_before_after_counting():
    before = torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled()
    count_macs(Attention("layer"), (8, 3, 3))
    after = torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled()
    assert after == before


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution(groups, stride, device):
    with torch.device(device):
        network = nn.Conv2d(4, 8, 3, stride, padding=1, groups=groups)
    height, width = -(-9 // stride), -(-6 // stride)
    assert count_params(network) == 8 * 4 // groups * 9 + 8
    assert count_macs(network, (4, 9, 6)) == height * width * 8 * 4 // groups * 9


@pytest.mark.parametrize("device", DEVICES)
def test_linear_normalisation_and_activations(device):
    with torch.device(device):
        network = nn.Sequential(
            nn.BatchNorm2d(3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10)
        )
    assert count_params(network) == 2 * 3 + 3 * 10 + 10
    assert count_macs(network, (3, 5, 5)) == 30  # of the linear layer alone


def test_only_trainable_parameters_count():
    network = nn.Sequential(nn.Linear(3, 10), nn.Linear(10, 2))
    network[0].weight.requires_grad_(False)
    assert count_params(network) == 10 + 10 * 2 + 2


def test_a_batch_costs_what_one_of_its_images_costs():
    network = nn.Conv2d(3, 4, 1)
    assert count_macs(network, torch.randn(5, 3, 7, 7)) == count_macs(network, (3, 7, 7)) == 588


def test_counting_changes_neither_modes_nor_statistics():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).train()
    network[1].eval()
    count_macs(network, (1, 4, 4))
    assert [layer.training for layer in network] == [True, False]
    assert network[1].num_batches_tracked == 0
    assert all(parameter.grad is None for parameter in network.parameters())


class WithToken(nn.Module):
    """Gives a class token, a parameter, to a layer, as CaiT does."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.token.expand(len(images), -1))


@pytest.mark.parametrize("device", DEVICES)
def test_a_parameter_may_be_given_to_a_layer(device):
    assert count_macs(WithToken().to(device), (3, 2, 2)) == 8 * 3
