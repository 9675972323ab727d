"""What an experiment trains, and on what: sizes, statistics, and inherited weights."""

from dataclasses import replace
from typing import Any

import pytest
import timm
import torch
from image_folders import noise, write_folder
from training_runs import tiny

from cotrain import ConfigError, divide
from cotrain.basics.run_folder import RunFolder
from cotrain.config import CoTrainingOptions, Data, Views
from cotrain.dividing import DivideOptions
from cotrain.training.from_experiment import experiment_ensemble, experiment_images

FEW = Data(dataset="digits", train_images=100, test_images=20)
TIMM = replace(tiny(), network="timm:resnet10t", data=FEW)


def test_a_network_of_a_library_gets_the_images_it_was_made_for():
    splits = experiment_images(TIMM)
    shape = splits.preprocessing
    assert (shape.image_size, shape.in_channels) == (176, 1)
    # ImageNet's, averaged over the channels of a grey image.
    assert shape.mean == pytest.approx(((0.485 + 0.456 + 0.406) / 3,))
    assert shape.std == pytest.approx(((0.229 + 0.224 + 0.225) / 3,))
    assert splits.train.pixels([0]).shape == (1, 1, 176, 176)


def test_what_the_data_say_takes_precedence():
    data = replace(FEW, image_size=32, mean=[0.5], std=[0.25])
    shape = experiment_images(replace(TIMM, data=data)).preprocessing
    assert (shape.image_size, shape.mean, shape.std) == (32, (0.5,), (0.25,))


@pytest.mark.parametrize("crop", ["pad", "resized"])
def test_photos_keep_the_size_and_crop_of_a_librarys_network(tmp_path, crop):
    photos = write_folder(tmp_path, count=5, size=(60, 40))
    experiment = replace(TIMM, data=Data(root=str(photos)), views=Views(crop=crop))
    shape = experiment_images(experiment).preprocessing
    config: Any = timm.get_pretrained_cfg("resnet10t")
    assert (shape.image_size, shape.margin) == (176, 1 / config.crop_pct)
    assert (shape.mean, shape.std) == (config.mean, config.std)
    own = replace(experiment, data=replace(experiment.data, margin=1.5, image_size=64))
    assert experiment_images(own).preprocessing.margin == 1.5


def test_our_networks_ask_how_to_make_photos_equal(tmp_path):
    photos = write_folder(tmp_path, count=5, size=(60, 40))
    with pytest.raises(ConfigError, match=r"resize them to with --data.image_size"):
        experiment_images(replace(tiny(), data=Data(root=str(photos))))


def test_our_networks_get_the_data_sets_own():
    shape = experiment_images(replace(tiny(), data=FEW)).preprocessing
    assert (shape.image_size, shape.mean) == (8, (0.3053,))


def test_options_of_dividing_and_of_the_network_reach_it():
    data = replace(FEW, image_size=32)
    options = {"drop_path_rate": 0.2}
    experiment = replace(
        TIMM,
        data=data,
        into=4,
        network_options=options,
        dividing=DivideOptions(budget="macs", method="structural"),
    )
    ensemble = experiment_ensemble(experiment, experiment_images(experiment))
    spec: Any = ensemble.spec
    assert spec.network.mechanism == "structural"
    assert (spec.network.num_classes, spec.large.kwargs) == (10, options)
    rates: Any = [each.drop_prob for each in ensemble.modules() if hasattr(each, "drop_prob")]
    assert max(rates) == pytest.approx(0.1)  # 0.2 / sqrt(4)
    large = divide(spec.large, 1)
    assert ensemble.macs((1, 32, 32)) == pytest.approx(large.macs((1, 32, 32)), rel=0.05)


def test_a_batch_of_one_is_refused_where_batchnorm_gets_one_value():
    """timm's ResNet ends with 1 x 1 pixels of images of 32; at 64 there are 2 x 2."""
    one = replace(TIMM, batch_size=1, data=replace(FEW, image_size=32))
    with pytest.raises(ConfigError, match=r"^batch_size=1 is one value a channel .* at least 2$"):
        experiment_ensemble(one, experiment_images(one))
    for fine in (replace(one, batch_size=2), replace(one, data=replace(FEW, image_size=64))):
        before = torch.get_rng_state()
        ensemble = experiment_ensemble(fine, experiment_images(fine))
        assert torch.equal(torch.get_rng_state(), before)
        counters = [v for k, v in ensemble.state_dict().items() if k.endswith("batches_tracked")]
        assert sum(counters) == 0


def test_networks_start_from_a_trained_one(tmp_path):
    experiment = tiny(into=1)
    splits = experiment_images(experiment)
    trained: Any = experiment_ensemble(experiment, splits)
    trained.save(tmp_path)
    heirs: Any = experiment_ensemble(replace(experiment, into=2, inherit=str(tmp_path)), splits)
    values = trained.networks[0].fc.weight.detach().flatten()
    for network in heirs.networks:
        ratio = trained.networks[0].fc.in_features / network.fc.in_features
        inherited = network.fc.weight.detach().flatten() / ratio
        assert (
            torch.isin(inherited.round(decimals=5), values.round(decimals=5)).float().mean() > 0.9
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "basic_resnet8_16"}, "it holds basic_resnet.* divided into 1, for 10 classes"),
        ({"co_training": CoTrainingOptions(initialization="identical")}, "leave out inherit"),
    ],
)
def test_other_networks_cannot_be_inherited_from(tmp_path, changes, message):
    experiment = tiny(into=1)
    splits = experiment_images(experiment)
    experiment_ensemble(experiment, splits).save(tmp_path)
    with pytest.raises(ConfigError, match=message):
        experiment_ensemble(replace(experiment, into=2, inherit=str(tmp_path), **changes), splits)


def test_a_head_of_classes_in_another_order_is_not_inherited(tmp_path):
    experiment = tiny(into=1)
    splits = experiment_images(experiment)
    experiment_ensemble(experiment, splits).save(tmp_path)
    turned = replace(splits, classes=tuple(reversed(splits.classes)))
    with pytest.raises(
        ConfigError, match="class 0 is '0' in the ensemble, but '9' in the data"
    ) as e:
        experiment_ensemble(replace(experiment, into=2, inherit=str(tmp_path)), turned)
    assert str(e.value).startswith(f"inherit={tmp_path}: class 0")


def test_what_a_parent_held_out_stays_held_out(tmp_path):
    photos = write_folder(tmp_path / "photos", count=8)
    parent = replace(tiny(into=1), data=Data(root=str(photos), validation=0.25))
    held = experiment_images(parent)
    held.write(RunFolder(tmp_path / "parent"))
    experiment_ensemble(parent, held).save(RunFolder(tmp_path / "parent").ensemble)
    noise(7).save(photos / "ant" / "000-new.png")
    for path in (tmp_path / "parent", tmp_path / "parent" / "ensemble"):
        child = replace(parent, into=2, inherit=str(path))
        found = experiment_images(child)
        assert found.record == held.record
        assert found.summary is not None
        assert found.summary.notes[0].startswith("1 images were added since")
    data = replace(parent.data, split_seed=3)
    other = replace(parent, into=2, inherit=str(tmp_path / "parent"), data=data)
    with pytest.raises(ConfigError, match=r"trained with data.split_seed=0, not 3: give the same"):
        experiment_images(other)
    elsewhere = write_folder(tmp_path / "elsewhere", count=8, seed=2)
    new = experiment_images(replace(other, data=replace(data, root=str(elsewhere))))
    assert new.summary is not None
    assert new.summary.notes == ()


@pytest.mark.parametrize("network", ["basic_resnet8_16", "timm:test_resnet"])
def test_images_of_networks_that_inherit_are_made_as_their_runs_were(tmp_path, network):
    photos = write_folder(tmp_path / "photos", count=8)
    own = {"mean": [0.3], "std": [0.2], "margin": 1.5, "interpolation": "nearest"}
    own |= {"crop_mode": "squash", "background": "#102030", "image_size": 24, "in_channels": 1}
    plain = replace(tiny(into=1), network=network, data=Data(root=str(photos)))
    parent = replace(plain, data=replace(plain.data, **own))
    splits = experiment_images(parent)
    experiment_ensemble(parent, splits).save(tmp_path / "parent")
    child = replace(plain, into=2, inherit=str(tmp_path / "parent"))
    found = experiment_images(child)
    assert found.preprocessing == splits.preprocessing
    assert found.train.pixels([0]).equal(splits.train.pixels([0]))
    said = {"mean": [0.4], "background": "black", "crop_mode": "center"}
    other = experiment_images(replace(child, data=replace(child.data, **said)))
    expected = replace(splits.preprocessing, mean=(0.4,), background="black", crop_mode="center")
    assert other.preprocessing == expected


def test_another_version_of_the_library_is_inherited_from_and_other_options_are_not(tmp_path):
    data = replace(FEW, image_size=32)
    parent = replace(TIMM, into=1, data=data)
    splits = experiment_images(parent)
    trained: Any = experiment_ensemble(parent, splits)
    older = replace(trained.spec.large, versions={"timm": "1.0.0"})
    members = tuple(replace(each, network=older) for each in trained.spec.members)
    trained.spec = replace(trained.spec, divided=older, members=members)
    trained.save(tmp_path)
    child = replace(parent, inherit=str(tmp_path))
    with pytest.warns(UserWarning, match=r"was made with timm 1.0.0, installed is"):
        heir = experiment_ensemble(child, splits)
    for name, each in heir.networks[0].state_dict().items():
        assert each.equal(trained.networks[0].state_dict()[name])
    other = replace(child, network_options={"drop_path_rate": 0.1})
    with (
        pytest.warns(UserWarning, match=r"was made with timm 1.0.0"),
        pytest.raises(ConfigError, match=r"32 pixels: give .*, with the same network_options"),
    ):
        experiment_ensemble(other, splits)
