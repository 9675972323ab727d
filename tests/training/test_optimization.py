"""Which parameters are decayed, and that the optimizer is the one asked for."""

import math
from collections import OrderedDict
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cotrain import config
from cotrain.basics.errors import ConfigError
from cotrain.networks import build, spec
from cotrain.networks.meta import on_meta
from cotrain.training.optimization import build_optimizer, is_fused, parameter_groups


def small_network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(1, 4, 3),
        bn=nn.BatchNorm2d(4),
        act=nn.ReLU(),
        conv2=nn.Conv2d(4, 4, 3, bias=False),
        norm=nn.BatchNorm2d(4),
        flat=nn.Flatten(),
        fc=nn.Linear(4 * 16, 5),
    )
    return nn.Sequential(layers)


def names(module: nn.Module, group: dict) -> list[str]:
    of = {id(parameter): name for name, parameter in module.named_parameters()}
    return [of[id(parameter)] for parameter in group["params"]]


@pytest.mark.parametrize(
    ("decayed", "kept"),
    [
        ("weights", ["conv.bias", "bn.weight", "bn.bias", "norm.weight", "norm.bias", "fc.bias"]),
        ("paper", ["conv.bias", "bn.bias", "norm.weight", "norm.bias", "fc.bias"]),
        ("all", []),
    ],
)
def test_groups_hold_every_parameter_once(decayed, kept):
    module = small_network()
    with_decay, without = parameter_groups(module, 1e-3, decayed)
    assert (with_decay["weight_decay"], without["weight_decay"]) == (1e-3, 0)
    assert names(module, without) == kept
    everything = [name for name, _ in module.named_parameters()]
    assert names(module, with_decay) == [name for name in everything if name not in kept]


class Attention(nn.Module):
    """Parameters of the kinds that are no weights, and weights named in other ways."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.position_embeddings = nn.Parameter(torch.zeros(1, 5, 4))
        self.relative_position_bias_table = nn.Parameter(torch.zeros(9, 2))
        self.attention_biases = nn.Parameter(torch.zeros(2, 9))
        self.layer_scale = nn.Parameter(torch.ones(4, 1, 1))
        self.temperature = nn.Parameter(torch.ones(2, 3))
        self.mixing = nn.Parameter(torch.ones(4, 4))
        self.heads = nn.MultiheadAttention(4, 2)
        self.patch_embed = nn.Conv2d(1, 4, 1)
        self.depthwise = nn.Conv2d(4, 4, 1, groups=4)

    def no_weight_decay(self) -> set[str]:
        return {"temperature", "gone"}


def test_only_weights_of_layers_are_decayed():
    module = nn.ModuleList([Attention(), Attention()])
    decayed = names(module, parameter_groups(module, 1e-3, "weights")[0])
    weights = ["mixing", "heads.in_proj_weight", "heads.out_proj.weight"]
    weights += ["patch_embed.weight", "depthwise.weight"]
    assert decayed == [f"{index}.{name}" for index in (0, 1) for name in weights]
    every = names(module, parameter_groups(module, 1e-3, "all")[0])
    assert every == [name for name, _ in module.named_parameters()]


@pytest.mark.parametrize(
    ("name", "spared"),
    [
        ("timm:vit_tiny_patch16_224", ("cls_token", "pos_embed")),
        ("timm:swinv2_tiny_window8_256", ("logit_scale", "cpb_mlp.0.weight", "cpb_mlp.2.weight")),
        ("timm:levit_128s", ("attention_biases",)),
        ("torchvision:vit_b_16", ("class_token", "pos_embedding")),
        ("torchvision:convnext_tiny", ("layer_scale",)),
        ("torchvision:swin_t", ("relative_position_bias_table",)),
    ],
)
def test_of_library_networks_all_but_layers_is_spared(name, spared):
    network = on_meta(lambda: build(spec(name, num_classes=5)))
    others = {n for n, p in network.named_parameters() if n.endswith(spared)}
    weights = {n for n, p in network.named_parameters() if p.ndim > 1 and n not in others}
    assert set(names(network, parameter_groups(network, 1e-3, "weights")[0])) == weights
    assert len(others) >= len(spared)
    assert all("weight" in n for n in weights)


def test_frozen_parameters_are_in_no_group():
    module: Any = small_network()
    module.conv.weight.requires_grad_(False)
    decayed, others = parameter_groups(module, 1e-3, "all")
    assert names(module, decayed) == [name for name, _ in module.named_parameters()][1:]
    assert others["params"] == []


def train(module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        optimizer.zero_grad()
        images = torch.randn(6, 1, 8, 8, generator=generator)
        F.cross_entropy(module(images), torch.arange(6) % 5).backward()
        optimizer.step()
    return module.state_dict()


def test_sgd_is_torch_nesterov_to_the_bit():
    ours, plain = small_network(), small_network()
    settings = config.Optimizer(lr=0.1, momentum=0.9, weight_decay=1e-3, divide_weight_decay=True)
    trained = train(ours, build_optimizer(ours, settings, into=1))
    weights = [p for p in plain.parameters() if p.ndim > 1]
    others = [p for p in plain.parameters() if p.ndim <= 1]
    groups = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    sgd = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    for name, expected in train(plain, sgd).items():
        assert torch.equal(trained[name], expected), name


def test_weight_decay_is_divided_when_asked():
    for divide, expected in ((False, 1e-3), (True, 1e-3 * math.exp(1 / 4 - 1))):
        settings = config.Optimizer(weight_decay=1e-3, divide_weight_decay=divide)
        groups = build_optimizer(small_network(), settings, into=4).param_groups
        assert [group["weight_decay"] for group in groups] == [expected, 0]


def test_settings_and_options_reach_the_optimizer():
    settings = config.Optimizer(name="adamw", lr=0.01, options={"betas": [0.8, 0.9], "eps": 1e-6})
    optimizer = build_optimizer(small_network(), settings, into=2)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [group["lr"] for group in optimizer.param_groups] == [0.01, 0.01]
    assert list(optimizer.defaults["betas"]) == [0.8, 0.9]
    assert optimizer.defaults["eps"] == 1e-6
    assert "momentum" not in optimizer.defaults


@pytest.mark.parametrize("name", ["sgd", "momentum", "adamw", "rmsproptf", "lamb", "lion"])
def test_named_optimizers_train_with_an_empty_group(name):
    module: Any = small_network()
    before = module.conv.weight.detach().clone()
    settings = config.Optimizer(name=name, lr=1e-3, decayed="all")
    train(module, build_optimizer(module, settings, into=2))
    assert module.conv.weight.isfinite().all()
    assert not torch.equal(module.conv.weight, before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "adamv"}, "optimizer.name='adamv' is unknown: did you mean adam, "),
        ({"name": "SGD"}, "optimizer.name='SGD' is unknown: did you mean .*sgd"),
        ({"name": "?"}, "is unknown: did you mean sgd, adamw, rmsproptf"),
        ({"decayed": "none"}, "decayed='none' is unknown: give one of weights, paper, all"),
        ({"options": {"betas": [0.9, 0.9]}}, "optimizer.name=sgd has no betas; it has dampening"),
        ({"options": {"layer_decay": 0.5}}, "optimizer.name=sgd has no layer_decay"),
        ({"options": {"fast": True}}, "cannot be built with .*unexpected keyword argument 'fast'"),
        ({"options": {"lr": 0.2}}, "cannot be built with .*multiple values"),
        ({"momentum": 0.0}, "cannot be built with .*Nesterov momentum requires a momentum"),
        ({"name": "adamw", "options": {"betas": [2, 0.9]}}, "cannot be built with .*Invalid beta"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        build_optimizer(small_network(), config.Optimizer(**settings), into=2)


@pytest.mark.parametrize(
    ("settings", "hardware", "device", "fused"),
    [
        ({}, {}, "cuda", True),
        ({}, {}, "cpu", False),
        ({"name": "adamw"}, {"precision": "16-mixed"}, "cuda", True),
        ({"clip": 1.0}, {"precision": "bf16-mixed"}, "cuda", True),
        ({"clip": 1.0}, {"precision": "16-mixed"}, "cuda", False),  # it would unscale too late
        ({"name": "rmsproptf"}, {}, "cuda", False),
        ({"options": {"foreach": True}}, {}, "cuda", False),
    ],
)
def test_a_gpu_steps_by_one_kernel_where_it_can(settings, hardware, device, fused):
    settings = {"name": "sgd", "clip": None} | settings
    asked = config.Optimizer(**settings), config.Hardware(**hardware)
    assert is_fused(*asked, torch.device(device)) is fused


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_one_kernel_makes_the_same_step(name):
    """The CPU has these kernels, too."""
    settings = config.Optimizer(name=name, lr=0.1, momentum=0.9, weight_decay=1e-2)
    found = []
    for fused in (False, True):
        module = small_network()
        optimizer = build_optimizer(module, settings, 2, fused=fused)
        assert all(bool(group["fused"]) is fused for group in optimizer.param_groups)
        drawn = torch.Generator().manual_seed(0)
        for _ in range(3):
            for parameter in module.parameters():
                parameter.grad = torch.randn(parameter.shape, generator=drawn)
            optimizer.step()
        found.append(nn.utils.parameters_to_vector(module.parameters()))
    torch.testing.assert_close(found[0], found[1])
    assert (found[0] - nn.utils.parameters_to_vector(small_network().parameters())).abs().min() > 0
