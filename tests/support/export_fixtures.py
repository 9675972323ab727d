"""What the tests of exporting share: a small ensemble that disagrees, and files made of it once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from cotrain import Ensemble, divide, networks
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.export import ExportOptions, export_ensemble

GREY = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.25,))


def make_ensemble() -> Ensemble:
    """Two networks for grey 8x8 images of three classes, far from initialisation."""
    spec = networks.spec("basic_resnet8_4", num_classes=3, in_channels=1, image_size=8)
    ensemble = divide(spec, 2, seed=0).eval()
    for parameter in ensemble.parameters():
        parameter.data.mul_(1.25)
    ensemble.spec = replace(
        ensemble.spec,
        preprocessing=GREY,
        classes=("cat", "dog", "owl"),
        combine="mean_probabilities",
    )
    return ensemble


@pytest.fixture
def linear_ensemble() -> Ensemble:
    """Two linear networks for the same images, which compile soon."""
    spec = replace(make_ensemble().spec, combine="mean_logits")
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Flatten(), nn.Linear(64, 3)) for _ in range(2)]
    return Ensemble(layers, spec).eval()


@pytest.fixture
def ensemble() -> Ensemble:
    return make_ensemble()


@pytest.fixture
def pixels() -> torch.Tensor:
    """Seven images, uint8 [B, C, H, W]."""
    return torch.randint(
        256, (7, 1, 8, 8), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )


@pytest.fixture(scope="session")
def exported_to(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The ensemble in a file or folder with these options, written once."""
    folder, written = tmp_path_factory.mktemp("exported"), {}

    def export(name: str, **options) -> Path:
        if name not in written:
            export_ensemble(make_ensemble(), folder / name, ExportOptions(**options))
            written[name] = folder / name
        return written[name]

    return export


@pytest.fixture
def onnx_file(exported_to: Callable[..., Path]) -> Path:
    return exported_to("whole.onnx", format="onnx")


@pytest.fixture
def graph_file(exported_to: Callable[..., Path]) -> Path:
    return exported_to("graph.pt2", format="torch-export")


@pytest.fixture
def split_folder(exported_to: Callable[..., Path]) -> Path:
    return exported_to("split", format="onnx", split=True)
