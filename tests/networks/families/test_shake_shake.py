"""Shake-Shake: the formula, the shifted shortcut, unused weights, divisions, initialisation."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from comparing import randomize
from of_networks import widths_of
from torch.nn import functional as F

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import build, spec
from cotrain.networks.costs import count_macs, count_params
from cotrain.networks.families.shake_shake import Shortcut

NAME = "shake_resnet26_2x96d"
# Weights of the nine shortcuts that nothing uses, by S, as the authors' checkpoints hold them.
UNUSED = {1: 584_640, 2: 260_736, 4: 147_168, 8: 65_856}


def small(**options):
    return replace(spec(NAME, num_classes=5, **options), width=4)


@pytest.mark.parametrize("unused", [False, True])
@pytest.mark.parametrize("size", [8, 9])
def test_is_the_formula(unused, size):
    """The network in evaluation written with functions, its weights taken in order."""
    torch.manual_seed(0)
    network = build(small(unused_shortcuts=unused)).double().eval()
    randomize(network)
    state = iter(v for k, v in network.state_dict().items() if "tracked" not in k)

    def norm(x):
        gamma, beta, mean, variance = (next(state)[:, None, None] for _ in range(4))
        return (x - mean) / (variance + 1e-5).sqrt() * gamma + beta

    def branch(x, stride):
        x = norm(F.conv2d(x.relu(), next(state), None, stride, 1))
        return norm(F.conv2d(x.relu(), next(state), None, 1, 1))

    def shortcut(x, stride):
        shifted = torch.zeros_like(x)
        shifted[..., :-1, :-1] = x[..., 1:, 1:]
        paths = [p.relu()[..., ::stride, ::stride] for p in (x, shifted)]
        return norm(torch.cat([F.conv2d(path, next(state)) for path in paths], 1))

    images = torch.randn(2, 3, size, size, dtype=torch.float64)
    x = norm(F.conv2d(images, next(state), next(state), 1, 1))
    for stage in range(3):
        for block in range(4):
            stride = 2 if stage and not block else 1
            added = x
            if block == 0:
                added = shortcut(x, stride)
            elif unused:
                _ = [next(state) for _ in range(6)]
            x = (branch(x, stride) + branch(x, stride)) / 2 + added
    expected = x.relu().mean((2, 3)) @ next(state).T + next(state)
    with torch.no_grad():
        assert torch.allclose(network(images), expected, rtol=1e-9)


def test_second_path_of_the_shortcut_sees_the_next_pixel():
    shortcut = Shortcut(1, 2, 2).eval()
    torch.nn.init.ones_(shortcut.conv1.weight)
    torch.nn.init.ones_(shortcut.conv2.weight)
    x = torch.arange(1.0, 17).reshape(1, 1, 4, 4)
    first, second = shortcut(x)[0] * (1 + 1e-5) ** 0.5
    assert torch.allclose(first, torch.tensor([[1.0, 3], [9, 11]]))
    assert torch.allclose(second, torch.tensor([[6.0, 8], [14, 16]]))
    assert shortcut(x[..., :3, :3])[0, 1, 1, 1] == 0  # beyond the last row and column


@pytest.mark.parametrize("into", UNUSED)
def test_unused_shortcuts_cost_parameters_but_no_work(into):
    with torch.device("meta"):
        lean = build(divide_spec(spec(NAME), into))
        full = build(divide_spec(spec(NAME, unused_shortcuts=True), into))
    assert count_params(full) - count_params(lean) == UNUSED[into]
    assert count_macs(full, (3, 32, 32)) == count_macs(lean, (3, 32, 32))


def test_every_weight_but_the_unused_gets_a_gradient():
    torch.manual_seed(0)
    for unused in (False, True):
        network = build(small(unused_shortcuts=unused)).train()
        network(torch.randn(4, 3, 8, 8)).square().sum().backward()
        idle = [n for n, p in network.named_parameters() if p.grad is None]
        assert len(idle) == (9 * 4 if unused else 0)


@pytest.mark.parametrize(("into", "width"), [(1, 96), (2, 64), (4, 48), (8, 32)])
def test_widths_are_the_published_table(into, width):
    divided: Any = divide_spec(spec(NAME, unused_shortcuts=True), into)
    assert widths_of(divided) == (16, width, 2 * width, 4 * width)
    assert divided.unused_shortcuts


def test_refusals_name_the_nearest():
    with pytest.raises(ConfigError, match=r"into=3: shake_resnet26_2x96d .* into=4$"):
        divide_spec(spec(NAME), 3)


def test_starts_as_published():
    torch.manual_seed(0)
    network: Any = build(spec(NAME))
    assert network.conv.bias.any()  # torch's own draw
    assert not network.fc.bias.any()
    assert network.fc.weight.std().item() == pytest.approx(1e-3, rel=0.02)
    weight = network.get_parameter("layer3.0.branch1.4.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 384)) ** 0.5, rel=0.01)


def test_name_is_for_small_images_and_options_are_checked():
    with pytest.raises(ConfigError, match=f'{NAME}.*dataset="cifar10"'):
        spec(NAME, dataset="imagenet")
    with pytest.raises(ConfigError, match="unused_shortcuts=1 is neither True nor False"):
        spec(NAME, unused_shortcuts=1)
    with pytest.raises(ConfigError, match=r"dropout=0.1 is no option.*unused_shortcuts"):
        spec(NAME, dropout=0.1)
