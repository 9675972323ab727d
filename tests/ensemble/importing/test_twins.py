"""Large networks of other libraries: the same layers and answers, and what only looks the same."""

from collections.abc import Callable
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from foreign_networks import randomized
from torch import Tensor, nn
from torchvision import models

from cotrain import ConfigError
from cotrain.ensemble.importing.checkpoints import import_large
from cotrain.ensemble.importing.twins import TWINS, TwinLibrary

LIBRARIES: dict[str, Callable[[str], nn.Module]] = {
    "timm": timm.create_model,
    "torchvision": models.get_model,
}
EVERY_TWIN = [
    (library, ours, theirs)
    for library, twins in TWINS.items()
    for ours, theirs in twins.names.items()
]


def convolutions(network: nn.Module) -> list[tuple]:
    return [
        (m.weight.shape, m.stride, m.dilation, m.groups)
        for m in network.modules()
        if isinstance(m, nn.Conv2d)
    ]


def epsilons(network: nn.Module) -> list[float]:
    return [m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d)]


@pytest.mark.parametrize(("library", "ours", "theirs"), EVERY_TWIN)
def test_twins_have_the_same_layers(library, ours, theirs):
    with torch.device("meta"):
        twin = LIBRARIES[library](theirs)
    ensemble = import_large(ours, _on_cpu(twin), library=library)
    (network,) = ensemble.networks
    assert ensemble.spec.into == 1
    assert convolutions(network) == convolutions(twin)
    assert epsilons(network) == epsilons(twin)


def _on_cpu(network: nn.Module) -> dict[str, Tensor]:
    """Tensors of the network's shapes that take no memory."""
    zero = {torch.float32: torch.zeros(()), torch.int64: torch.zeros((), dtype=torch.int64)}
    return {
        name: zero[each.dtype].expand(each.shape) for name, each in network.state_dict().items()
    }


@pytest.mark.parametrize(
    ("library", "ours", "size", "ending"),
    [
        ("timm", "senet154", 32, ".pth"),
        ("timm", "resnest101", 32, ".safetensors"),
        ("timm", "efficientnetb0", 75, ".safetensors"),
        ("torchvision", "efficientnetb5", 75, ".pth"),
    ],
)
def test_twins_answer_alike(tmp_path, library, ours, size, ending):
    torch.manual_seed(1)
    make: Any = LIBRARIES[library]
    twin = randomized(make(TWINS[library].names[ours], num_classes=7))
    path = tmp_path / f"weights{ending}"
    if ending == ".pth":
        torch.save(twin.state_dict(), path)
    else:
        safetensors.torch.save_file(twin.state_dict(), path)
    ensemble = import_large(ours, path, library=library, num_classes=7)
    images = torch.randn(1, 3, size, size, dtype=torch.float64)
    with torch.no_grad():
        expected = twin.double()(images)
        actual = ensemble.double()(images)[0]
    assert expected.std() > 0
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


def test_networks_that_only_look_alike_are_refused():
    pairs: list[tuple[TwinLibrary, str]] = [("torchvision", "efficientnetb0"), ("timm", "resnet50")]
    for library, ours in pairs:
        with pytest.raises(ConfigError, match=f"{library} has none that computes the same: only"):
            import_large(ours, {}, library=library)
    # timm's senet154 has the same shapes in the same order, and computes something else.
    with torch.device("meta"):
        other = _on_cpu(timm.create_model("senet154"))
    with pytest.raises(
        ConfigError, match=r"lacks layer0\.conv1\.weight: give weights of timm's leg"
    ):
        import_large("senet154", other, library="timm")
    with torch.device("meta"):
        twin = _on_cpu(timm.create_model("resnest101e"))
    with pytest.raises(ConfigError, match=r"has more: give weights of timm's resnest101e"):
        import_large("resnest101", {**twin, "more": torch.ones(1)}, library="timm")
