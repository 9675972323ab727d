"""Networks that differ, trained together: what they are, start from, see, and end as."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from training_runs import cut_and_resumed, final_weights, read_metrics, same, tiny

from cotrain import ConfigError, assemble, divide, networks
from cotrain.config import Data, FineTuning
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.member import inner
from cotrain.networks.evaluating import evaluating
from cotrain.networks.heads import logit_layers
from cotrain.networks.registry import named_spec
from cotrain.training import CoTraining, fit
from cotrain.training.freezing import freeze
from cotrain.training.from_experiment import experiment_ensemble, experiment_images
from cotrain.training.learning_rates import lr_scales
from cotrain.training.sharing import Sharing

IMAGES: Any = {"num_classes": 10, "in_channels": 1, "image_size": 8}
MIXED = tiny(network="basic_resnet8_4,basic_resnet14_4", into=2)
FEW = Data(dataset="digits", train_images=40, test_images=20, image_size=32)
# Their weights want images of different mean and deviation.
LIBRARY = replace(MIXED, network="timm:test_resnet,timm:test_efficientnet", data=FEW)


def made(experiment) -> Any:
    return experiment_ensemble(experiment, experiment_images(experiment))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[str, str]:
    """Weights of both of ``LIBRARY``."""
    folder: Path = tmp_path_factory.mktemp("weights")
    for name in ("test_resnet", "test_efficientnet"):
        torch.manual_seed(3)
        torch.save(timm.create_model(name).state_dict(), folder / f"{name}.pth")
    return str(folder / "test_resnet.pth"), str(folder / "test_efficientnet.pth")


def test_each_network_is_what_its_name_says_and_begins_as_if_assembled():
    ensemble = made(replace(MIXED, seed=5))
    assert ensemble.training
    names = MIXED.networks
    assert [each.network for each in ensemble.spec.members] == [
        networks.spec(name, **IMAGES) for name in names
    ]
    assert (ensemble.spec.divided, ensemble.spec.classes[9]) == (None, "9")
    assembled = assemble([networks.spec(name, **IMAGES) for name in names], seed=5)
    assert same(ensemble.state_dict(), assembled.state_dict())


def test_options_are_those_of_every_network():
    options = {"drop_path_rate": 0.1}
    names = "timm:test_resnet,timm:test_convnext"
    ensemble = made(replace(LIBRARY, network=names, network_options=options))
    assert [each.network.kwargs for each in ensemble.spec.members] == [options] * 2
    with pytest.raises(ConfigError, match=r"^drop_path_rate=0.1 is no option of basic_resnet8_4"):
        made(replace(LIBRARY, network="timm:test_resnet,basic_resnet8_4", network_options=options))


def test_images_are_those_of_the_first_network_that_says_so():
    data = replace(FEW, image_size=None)
    network = "basic_resnet8_4,timm:test_vit,timm:test_resnet"
    shape = experiment_images(replace(MIXED, network=network, into=3, data=data)).preprocessing
    config: Any = timm.get_pretrained_cfg("test_vit")
    assert shape.image_size == config.input_size[1]
    assert shape.mean == (pytest.approx(sum(config.mean) / 3),)


def test_pretrained_networks_see_what_they_were_trained_on(files):
    experiment = replace(LIBRARY, pretrained=",".join(files))
    ensemble = made(experiment)
    names = [each.removeprefix("timm:") for each in LIBRARY.networks]
    configs: list[Any] = [timm.get_pretrained_cfg(name) for name in names]
    assert configs[0].mean != configs[1].mean
    pixels = torch.randint(256, (3, 1, 32, 32)).float()
    with evaluating(ensemble), torch.no_grad():
        logits = ensemble(ensemble.prepare(pixels))
        for network, config, own in zip(ensemble.networks, configs, logits, strict=True):
            mean, std = (sum(each) / 3 for each in (config.mean, config.std))
            alone = getattr(network, "network", network)
            expected = alone((pixels / 255 - mean) / std)
            torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-4)
    state = torch.load(files[1], weights_only=True)
    loaded = ensemble.networks[1].state_dict()
    assert loaded["network.conv_head.weight"].equal(state["conv_head.weight"])


def test_what_the_data_say_is_what_all_see(files):
    data = replace(FEW, mean=[0.5], std=[0.25])
    spec = made(replace(LIBRARY, pretrained=",".join(files), data=data)).spec
    assert [each.mean for each in spec.members] == [(), ()]
    assert (spec.preprocessing.mean, spec.preprocessing.std) == ((0.5,), (0.25,))


def test_files_and_the_librarys_own_stand_beside_each_other(files, monkeypatch):
    state = torch.load(files[0], weights_only=True)
    monkeypatch.setattr(
        "timm.models._builder.load_state_dict_from_hf", lambda *_, **__: dict(state)
    )
    ensemble = made(replace(LIBRARY, pretrained=f"true,{files[1]}"))
    loaded = ensemble.networks[0].state_dict()
    assert loaded["layer1.0.conv1.weight"].equal(state["layer1.0.conv1.weight"])


@pytest.mark.parametrize("execution", ["loop", "threads"])
def test_a_run_that_is_resumed_ends_as_one_that_was_not(execution, tmp_path, monkeypatch):
    experiment = replace(
        MIXED,
        ema=0.9,
        views=replace(MIXED.views, mixup=0.2),
        data=replace(MIXED.data, validation=0.2),
        hardware=replace(MIXED.hardware, execution=execution),
    )
    whole = fit(experiment, tmp_path / "whole", progress=False)
    assert whole.evaluation is not None
    assert len(whole.evaluation.networks) == 2
    assert read_metrics(tmp_path / "whole")[0]["train_divergence"] > 0
    cut = cut_and_resumed(experiment, tmp_path / "cut", monkeypatch)
    assert same(cut, final_weights(tmp_path / "whole"))
    shipped = [Ensemble.load(tmp_path / name / "ensemble") for name in ("cut", "whole")]
    assert same(*(each.state_dict() for each in shipped))
    assert shipped[0].spec == whole.ensemble.spec


def test_a_run_of_pretrained_networks_needs_no_files_to_go_on(files, tmp_path, monkeypatch):
    copies = [tmp_path / Path(each).name for each in files]
    for file, copy in zip(files, copies, strict=True):
        copy.write_bytes(Path(file).read_bytes())
    experiment = replace(LIBRARY, pretrained=",".join(map(str, copies)))
    begin = fit

    def without_files(*args: Any, resume: bool = False, **options: Any):
        for copy in copies if resume else ():
            copy.unlink()
        return begin(*args, resume=resume, **options)

    monkeypatch.setattr("training_runs.fit", without_files)
    cut_and_resumed(experiment, tmp_path / "cut", monkeypatch)
    spec = Ensemble.load(tmp_path / "cut" / "ensemble").spec
    assert [bool(each.mean) for each in spec.members] == [False, True]


def test_networks_go_on_from_an_ensemble_of_them(tmp_path):
    first = replace(MIXED, epochs=1, data=replace(MIXED.data, mean=[0.1], std=[0.7]))
    parent: Any = fit(first, tmp_path / "parent", progress=False).ensemble
    pixels = torch.randint(256, (3, 1, 8, 8)).float()
    for mean, own in ((None, ()), ([0.4], (0.1,))):
        data = replace(MIXED.data, mean=mean)
        heir = made(replace(MIXED, inherit=str(tmp_path / "parent"), seed=7, data=data))
        assert heir.training
        assert [each.mean for each in heir.spec.members] == [own] * 2
        with evaluating(heir), torch.no_grad():
            torch.testing.assert_close(heir(heir.prepare(pixels)), parent(parent.prepare(pixels)))
    turned = "basic_resnet14_4,basic_resnet8_4"
    with pytest.raises(ConfigError, match=r"8_4 \+ basic_resnet14_4, not basic_resnet14_4 \+ "):
        made(replace(MIXED, network=turned, inherit=str(tmp_path / "parent")))


def test_nothing_is_divided_so_that_weight_decay_is_not_either():
    optimizer = replace(MIXED.optimizer, divide_weight_decay=True, weight_decay=0.1)
    experiment = replace(MIXED, optimizer=optimizer)
    module = CoTraining(made(experiment), experiment, Sharing(whole=1))
    assert module.configure_optimizers().param_groups[0]["weight_decay"] == 0.1


def test_rates_and_heads_are_those_of_each_network_alone(files):
    settings = FineTuning(layer_decay=0.5, head_lr_scale=4, frozen_epochs=1)
    ensemble = made(replace(LIBRARY, pretrained=",".join(files), fine_tuning=settings))
    scales = lr_scales(ensemble, settings)
    for network, name in zip(ensemble.networks, LIBRARY.networks, strict=True):
        own = inner(network)
        alone = divide(named_spec(name, num_classes=10, in_channels=1, image_size=32), 1)
        expected = lr_scales(alone, settings)
        assert {key: scales[each] for key, each in own.named_parameters()} == {
            key: expected[each] for key, each in alone.networks[0].named_parameters()
        }
        freeze(network, [*own.parameters()], frozen=True)
        trained = [key for key, each in own.named_parameters() if each.requires_grad]
        assert [key.rpartition(".")[0] for key in trained] == [*logit_layers(own)] * 2
        assert not own.training


def test_a_batch_of_one_is_refused_for_any_of_the_networks():
    one = replace(LIBRARY, network="timm:test_vit,timm:test_resnet", batch_size=1)
    with pytest.raises(ConfigError, match=r"^batch_size=1 is one value a channel"):
        made(one)
