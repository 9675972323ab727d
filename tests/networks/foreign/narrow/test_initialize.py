from typing import Any

import pytest
import torch
from torch import nn

from cotrain.basics.seeds import seeded
from cotrain.networks.foreign.narrow.initialize import fresh, fresh_narrow
from cotrain.networks.foreign.narrow.reshaping import record

timm = pytest.importorskip("timm")

# A large network and a small one of the same class, as its constructor makes them.
PAIRS = {
    "vit": (
        lambda: timm.create_model("vit_tiny_patch16_224", depth=2, embed_dim=192, num_heads=4),
        lambda: timm.create_model("vit_tiny_patch16_224", depth=2, embed_dim=128, num_heads=4),
    ),
    "resnet": (
        lambda: timm.create_model("resnet26", num_classes=10),
        lambda: timm.create_model("resnet26", num_classes=10, channels=(32, 64, 128, 256)),
    ),
    "convnext": (
        lambda: timm.create_model("convnext_atto", dims=(64, 128, 192, 256)),
        lambda: timm.create_model("convnext_atto", dims=(32, 64, 96, 128)),
    ),
    "efficientnet": (
        lambda: timm.create_model("mobilenetv2_140"),
        lambda: timm.create_model("mobilenetv2_050"),
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_narrow_tensors_are_as_spread_as_the_constructors(kind):
    large, small = PAIRS[kind]
    with seeded(0):
        constructed = small()
        narrow = fresh_narrow(large, record(large(), constructed))
    expected = dict(constructed.named_parameters())
    for name, tensor in narrow.named_parameters():
        assert tensor.shape == expected[name].shape
        if tensor.numel() >= 2000:
            assert tensor.std().item() == pytest.approx(expected[name].std().item(), rel=0.1), name
            assert tensor.mean().item() == pytest.approx(expected[name].mean().item(), abs=0.02)


def test_zeros_stay_zeros_and_indices_stay_indices():
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.zeros(1, 8))
            self.register_buffer("index", torch.arange(6))

    narrow: Any = fresh_narrow(Network, {"shapes": {"token": [1, 4]}})
    assert narrow.token.tolist() == [[0, 0, 0, 0]]
    assert narrow.index.tolist() == [0, 1, 2, 3, 4, 5]


class Trained(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(3 + 0.5 * torch.randn(1, 4000))
        self.gain = nn.Parameter(torch.ones(4))
        self.layer = nn.Linear(100, 100)
        self.norm = nn.BatchNorm1d(100)
        self.attention = nn.MultiheadAttention(32, 4)


def test_a_fresh_copy_is_independent_and_forgets_its_training():
    with seeded(0):
        trained: Any = Trained()
        with torch.no_grad():
            trained.layer.weight.fill_(7.0)
            trained.norm.running_mean.fill_(7.0)
            trained.attention.in_proj_bias.fill_(7.0)
        copy: Any = fresh(trained)
    assert trained.layer.weight.mean() == 7
    assert copy.layer.weight.std().item() == pytest.approx((3 * 100) ** -0.5, rel=0.05)
    assert copy.norm.running_mean.abs().max() == 0
    assert copy.attention.in_proj_bias.abs().max() == 0
    assert copy.gain.tolist() == [1, 1, 1, 1]
    assert copy.token.mean().item() == pytest.approx(3, abs=0.05)
    assert copy.token.std().item() == pytest.approx(0.5, rel=0.05)
    assert not torch.equal(copy.token, trained.token)
