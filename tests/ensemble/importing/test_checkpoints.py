"""Ensembles from files made as the authors' are, and from the weights of other libraries."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_networks import names_of, save, written

from cotrain import ConfigError, Ensemble
from cotrain.ensemble.importing.checkpoints import (
    AUTHORS_LICENCE,
    LICENCE_FILE,
    import_checkpoint,
    ship,
)
from cotrain.networks import family_of, list_networks, spec, spec_for_images

# One network of every family, and S.
OF_EACH_FAMILY = {
    "resnet": ("wide_resnet16_8", "cifar100", 4),
    "senet": ("se_resnet110", "cifar10", 8),
    "shake_shake": ("shake_resnet26_2x96d", "cifar10", 8),
    "densenet": ("densenet40_12", "cifar100", 2),
    "pyramidnet": ("pyramidnet20_48", "cifar10", 2),
    "efficientnet": ("efficientnetb0", "imagenet", 4),
    "resnest": ("resnest101", "imagenet", 1),
    "resnexst": ("resnexst50_4x16d", "imagenet", 2),
}
SMALL = ("wide_resnet16_1", "cifar10", 2)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two small networks, their state, and its file."""
    networks = written(*SMALL)
    state = names_of(networks)
    return networks, state, save(tmp_path_factory.mktemp("small") / "model_best.pth.tar", state)


def load_small(path: Path, **options) -> Ensemble:
    arch, dataset, into = SMALL
    return import_checkpoint(arch, path, **{"into": into, "dataset": dataset, **options})


def refusal(path: Path, **options) -> str:
    with pytest.raises(ConfigError) as error:
        load_small(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_family_has_a_case():
    shape: dict[str, Any] = {"num_classes": 10, "in_channels": 3, "image_size": 32}
    families = {family_of(spec_for_images(name, **shape)).name for name in list_networks()}
    assert set(OF_EACH_FAMILY) == families


@pytest.mark.parametrize("case", OF_EACH_FAMILY.values(), ids=list(OF_EACH_FAMILY))
def test_an_imported_ensemble_answers_as_the_networks_in_the_file(case, tmp_path):
    arch, dataset, into = case
    networks = written(*case)
    path = save(tmp_path / "model_best.pth.tar", names_of(networks))
    ensemble = import_checkpoint(arch, path, into=into, dataset=dataset)
    ship(ensemble, tmp_path / "ensemble")
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        logits = torch.stack([network(images) for network in networks])
        assert torch.equal(ensemble(images), logits)
        assert torch.equal(Ensemble.load(tmp_path / "ensemble")(images), logits)
    assert logits.isfinite().all()
    assert logits.std() > 0
    assert ensemble.spec.large == replace(
        spec(arch, dataset=dataset), **({"unused_shortcuts": True} if "shake" in arch else {})
    )


def test_the_prefix_of_data_parallel_may_lack(small, tmp_path):
    networks, _, whole = small
    path = save(tmp_path / "plain.pth.tar", names_of(networks, prefix=""))
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(load_small(path).predict(images), load_small(whole).predict(images))


def test_every_tensor_is_kept(small):
    ensemble = load_small(small[2])
    imported = list(ensemble.state_dict().values())
    assert all(torch.equal(*pair) for pair in zip(imported, small[1].values(), strict=True))
    assert all(p.requires_grad for p in ensemble.parameters())
    assert not ensemble.training


@pytest.mark.parametrize(
    ("dataset", "arch", "size", "mean", "margin"),
    [
        ("cifar10", "wide_resnet16_1", 32, 0.4914, 1.0),
        ("cifar100", "wide_resnet16_1", 32, 0.5071, 1.0),
        ("svhn", "wide_resnet16_1", 32, 0.4309, 1.0),
        ("imagenet", "efficientnetb0", 224, 0.485, 1.15),
    ],
)
def test_images_are_prepared_as_the_authors_do(tmp_path, dataset, arch, size, mean, margin):
    path = save(tmp_path / "x.pth.tar", names_of(written(arch, dataset, 1)))
    shape = import_checkpoint(arch, path, into=1, dataset=dataset).spec.preprocessing
    assert shape is not None
    assert (shape.image_size, shape.mean[0], shape.margin) == (size, mean, margin)
    other = import_checkpoint(arch, path, into=1, dataset=dataset, image_size=48).spec
    assert other.network.image_size == other.preprocessing.image_size == 48  # type: ignore[union-attr]


def test_licence_stands_in_the_folder(small, tmp_path):
    ensemble = load_small(small[2])
    ship(ensemble, tmp_path / "a", licence=AUTHORS_LICENCE)
    text = (tmp_path / "a" / LICENCE_FILE).read_text()
    assert "CC-BY-NC 4.0" in text
    assert "arXiv:2011.14660" in text
    assert json.loads((tmp_path / "a/spec.json").read_text())["classes"] == []
    with pytest.raises(ConfigError, match="holds an ensemble already: give another folder"):
        ship(ensemble, tmp_path / "a")


def test_a_file_of_other_names_is_refused(tmp_path):
    torch.save({"fc.weight": torch.ones(2)}, tmp_path / "x.pth")
    assert "fc.weight is of no network models.<i>" in refusal(tmp_path / "x.pth")
    assert "give --from timm or torchvision" in refusal(tmp_path / "x.pth")


def test_another_number_of_networks_is_named(small):
    message = "holds 2 networks (models.0 to models.1), not {}: give --into 2"
    assert message.format(1) in refusal(small[2], into=1)
    with pytest.raises(ConfigError) as error:
        import_checkpoint("wide_resnet16_8", small[2], into=4, dataset="cifar10")
    assert message.format(4) in str(error.value)


def test_a_file_of_another_network_names_the_first_tensor(small):
    with pytest.raises(ConfigError) as error:
        import_checkpoint("wide_resnet22_4", small[2], into=2, dataset="cifar10")
    assert "models.0.l6.weight [16, 16, 3, 3] stands where layer1.0.conv1.weight" in str(
        error.value
    )
    assert "another network, S or data set: check --arch, --into" in str(error.value)


def test_tensors_that_share_memory_are_copied(small, tmp_path):
    state = dict(small[1])
    one = next(each for name, each in state.items() if name.endswith("l1.weight"))
    shared = {
        name: one if each.shape == one.shape and each.is_floating_point() else each
        for name, each in state.items()
    }
    ensemble = load_small(save(tmp_path / "x.pth.tar", shared))
    ship(ensemble, tmp_path / "ensemble")
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(Ensemble.load(tmp_path / "ensemble")(images), ensemble(images))
