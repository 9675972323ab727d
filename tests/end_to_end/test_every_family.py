"""Every family trains at every S: one step, through ``fit``, to a shipped ensemble that answers."""

from pathlib import Path
from typing import Any

import pytest
import torch

from cotrain import Ensemble
from cotrain.config import Data, Experiment, Views
from cotrain.networks import family_of, list_networks, spec, spec_for_images
from cotrain.training import fit

# Small networks of each family; those that exist for photos only are built for 8x8 digits too.
NETWORKS = {
    "wide_resnet10_4": "resnet",
    "resnet11": "resnet",
    "resnext11_4x8d": "resnet",
    "wide_resnet50_2": "resnet",
    "se_resnet11": "senet",
    "resnexst50_4x16d": "resnexst",
    "densenet10_12": "densenet",
    "pyramidnet11_16": "pyramidnet",
    "shake_resnet26_2x96d": "shake_shake",
    "efficientnetb0": "efficientnet",
}


def test_every_family_that_can_be_divided_is_here() -> None:
    families = {
        family_of(spec(name, dataset=dataset)).name
        for dataset in ("cifar100", "imagenet")
        for name in list_networks()
        if _has_layout(name, dataset)
    }
    assert families == {*NETWORKS.values(), "resnest"}  # ResNeSt is published for S=1 only


def _has_layout(name: str, dataset: str) -> bool:
    try:
        spec(name, dataset=dataset)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("into", [1, 2, 4])
@pytest.mark.parametrize("network", NETWORKS)
def test_one_step(network: str, into: int, tmp_path: Path) -> None:
    shape: dict[str, Any] = {"num_classes": 10, "in_channels": 1, "image_size": 8}
    assert family_of(spec_for_images(network, **shape)).name == NETWORKS[network]
    experiment = Experiment(
        network=network,
        into=into,
        epochs=1,
        batch_size=10,
        data=Data(train_images=10, test_images=10, validation="none"),
        views=Views(padding=1, flip=False),
    )
    result = fit(experiment, tmp_path / "run", progress=False)
    assert result.evaluation is not None
    assert result.evaluation.images == 10
    assert len(result.evaluation.networks) == into
    shipped = Ensemble.load(tmp_path / "run" / "ensemble")
    probabilities = shipped.predict(torch.zeros(2, 1, 8, 8))
    torch.testing.assert_close(probabilities.sum(1), torch.ones(2))
