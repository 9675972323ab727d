"""PyramidNet: the formula, widths by hand, ShakeDrop's rates, SVHN, divisions, initialisation."""

import math
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
import torch
from comparing import randomize
from hypothesis import given
from hypothesis import strategies as st
from of_networks import gradients_of, widths_of
from torch.nn import functional as F

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import build, spec
from cotrain.networks.families.pyramidnet import block_widths
from cotrain.networks.families.stochastic import ShakeDrop


@pytest.mark.parametrize("size", [8, 9])
def test_is_the_formula(size):
    """The network in evaluation written with functions, its weights taken in order."""
    torch.manual_seed(0)
    network = build(spec("pyramidnet20_10", num_classes=5)).double().eval()
    randomize(network)
    state = iter(v for k, v in network.state_dict().items() if "tracked" not in k)

    def norm(x):
        gamma, beta, mean, variance = (next(state)[:, None, None] for _ in range(4))
        return (x - mean) / (variance + 1e-5).sqrt() * gamma + beta

    images = torch.randn(2, 3, size, size, dtype=torch.float64)
    x = norm(F.conv2d(images, next(state), None, 1, 1))
    for block in range(6):
        stride = 2 if block in (2, 4) else 1
        branch = norm(F.conv2d(norm(x), next(state))).relu()
        branch = norm(F.conv2d(branch, next(state), None, stride, 1)).relu()
        branch = norm(F.conv2d(branch, next(state))) * (1 - 0.5 * (block + 1) / 6)
        if stride == 2:
            x = F.avg_pool2d(x, 2, ceil_mode=True)
        branch[:, : x.shape[1]] += x
        x = branch
    expected = norm(x).relu().mean((2, 3)) @ next(state).T + next(state)
    with torch.no_grad():
        assert torch.allclose(network(images), expected, rtol=1e-9)


def test_widths_are_rounded_half_to_even():
    divided: Any = divide_spec(spec("pyramidnet164"), 4)  # 2.5 more a block
    expected = [
        int((16 + Decimal("2.5") * block).quantize(Decimal(1), ROUND_HALF_EVEN))
        for block in range(1, 55)
    ]
    assert block_widths(divided) == expected
    assert expected[:6] == [18, 21, 24, 26, 28, 31]


@given(n=st.integers(1, 4), alpha=st.integers(1, 300), into=st.sampled_from([1, 2, 3, 4, 8]))
def test_width_grows_by_alpha_over_the_root_of_s(n, alpha, into):
    divided: Any = divide_spec(spec(f"pyramidnet{9 * n + 2}_{alpha}"), into)
    every = block_widths(divided)
    assert every[-1] == pytest.approx(16 + alpha / math.sqrt(into), abs=0.5 + 1e-9)
    assert every == sorted(every)
    ends = [every[n - 1], every[2 * n - 1], every[3 * n - 1]]
    assert widths_of(divided) == (16, *(4 * width for width in ends))


@pytest.mark.parametrize("into", [1, 2, 4, 8])
def test_shake_drop_rises_linearly_to_its_divided_probability(into):
    with torch.device("meta"):
        network = build(divide_spec(spec("pyramidnet272"), into))
    rates = [m.p for m in network.modules() if isinstance(m, ShakeDrop)]
    expected = [0.5 / into**0.5 * (block + 1) / 90 for block in range(90)]
    assert rates == pytest.approx(expected)


def test_trains_on_svhn_in_half_precision():
    """The authors' network returns its input there."""
    torch.manual_seed(0)
    network = build(spec("pyramidnet20_10", dataset="svhn")).train()
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.randn(4, 3, 32, 32))
    assert logits.shape == (4, 10)
    logits.float().logsumexp(1).sum().backward()
    assert gradients_of(network).isfinite().all()


def test_starts_as_published():
    torch.manual_seed(0)
    network: Any = build(spec("pyramidnet11_200", num_classes=64))
    weight = network.get_parameter("layer3.0.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 216)) ** 0.5, rel=0.01)
    assert network.fc.bias.any()  # torch's own draw
    assert network.fc.weight.abs().max().item() == pytest.approx(864**-0.5, rel=0.01)


def test_impossible_names_are_refused():
    with pytest.raises(ConfigError, match="depth 165 is not 9n"):
        spec("pyramidnet165_200")
    with pytest.raises(ConfigError, match="alpha 0 is below 1"):
        spec("pyramidnet164_0")
    with pytest.raises(ConfigError, match=r"is not known: did you mean pyramidnet164"):
        spec("pyramidnet110")
    with pytest.raises(ConfigError, match='dataset="cifar10"'):
        spec("pyramidnet272", dataset="imagenet")
    with pytest.raises(ConfigError, match=r"shake_drop=1\.0 is no probability"):
        spec("pyramidnet272", shake_drop=1.0)
