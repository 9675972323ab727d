"""Any networks become one ensemble, in which each answers as it did."""

from dataclasses import replace
from typing import Any

import pytest
import timm
import torch
from assembled import CLASSES, IMAGES, lively, mixed
from torch import nn

from cotrain import ConfigError, CoTrainingLoss, Ensemble, assemble
from cotrain.ensemble import Preprocessing
from cotrain.ensemble.soup import check_alike
from cotrain.evaluation.soup import soup_of_networks
from cotrain.networks import build, spec
from cotrain.networks.costs import count_macs, count_params

PIXELS = torch.randint(256, (5, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float()


def refusal(*sources: Any, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        assemble(sources, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_network_answers_as_it_did_in_the_order_of_the_classes():
    first, second, whole = mixed()
    assert (whole.spec.into, whole.spec.classes) == (3, CLASSES)
    logits = whole(whole.prepare(PIXELS))
    assert torch.equal(logits[:2], first(first.prepare(PIXELS)))
    # The second knows (owl, cat, dog).
    own = second(second.prepare(PIXELS))[0][:, [1, 2, 0]]
    torch.testing.assert_close(logits[2], own, rtol=0, atol=1e-6)


def test_costs_are_sums_of_the_networks_costs():
    first, second, whole = mixed()
    each = [*first.networks, *second.networks]
    assert whole.spec.params == whole.params == sum(map(count_params, each))
    macs = [count_macs(network, (1, 8, 8)) for network in each]
    assert whole.spec.macs == whole.macs((1, 8, 8)) == sum(macs)
    assert [cost.macs for cost in whole.spec.costs()] == macs
    assert macs[0] == macs[1] != macs[2]


def test_what_is_given_stays_as_it_is():
    first, _, whole = mixed()
    with torch.no_grad():
        next(whole.networks[0].parameters()).zero_()
    assert next(first.networks[0].parameters()).any()


def test_names_are_built_for_the_images_of_the_others():
    first = lively("basic_resnet8_4")
    whole = assemble(["basic_resnet14_4", first], seed=5)
    assert whole.spec.members[0].network == spec("basic_resnet14_4", **IMAGES)
    assert whole.spec.arch == "basic_resnet14_4 + basic_resnet8_4"
    assert whole.spec.preprocessing == first.spec.preprocessing
    again = assemble(["basic_resnet14_4", first], seed=5).state_dict()
    assert all(torch.equal(again[name], each) for name, each in whole.state_dict().items())


def test_networks_of_one_name_begin_with_weights_of_their_own():
    alike: Any = assemble([spec("basic_resnet8_4", **IMAGES)] * 2, seed=0)
    assert not torch.equal(alike.networks[0].fc.weight, alike.networks[1].fc.weight)
    assert alike.spec.network == spec("basic_resnet8_4", **IMAGES)


def test_modules_and_functions_keep_or_draw_their_weights():
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

    def made() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 7), nn.Linear(7, 3))

    whole = assemble([module, made, "basic_resnet8_4"], example_input=torch.zeros(1, 1, 8, 8))
    assert torch.equal(whole(PIXELS)[0], module(PIXELS))
    assert whole(PIXELS).shape == (3, 5, 3)
    assert whole.networks[0] is not module


def test_a_librarys_network_takes_the_images_that_it_was_made_for():
    network = timm.create_model("resnet18", num_classes=3).eval()
    images = Preprocessing(image_size=32, in_channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    whole = assemble(
        [network], example_input=torch.zeros(1, 3, 32, 32), preprocessing=images
    ).eval()
    assert whole.spec.members[0].mean == (0.485, 0.456, 0.406)
    pixels = torch.randint(256, (2, 3, 32, 32)).float()
    own = replace(images, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    torch.testing.assert_close(
        whole(whole.prepare(pixels))[0], network(own.normalize(pixels)), rtol=1e-4, atol=1e-4
    )


def test_mixed_networks_are_co_trained_each_on_its_own_view():
    whole = assemble([*mixed()[:2]], seed=0).train()
    views = torch.randn(3, 4, 1, 8, 8)
    terms = CoTrainingLoss()(whole(views), torch.tensor([0, 1, 2, 0]), weight=0.5)
    terms.total.backward()
    assert terms.divergence > 0
    assert all(each.grad is not None for each in whole.parameters())


def test_a_folder_is_its_ensemble_and_a_path_may_be_text(tmp_path):
    first, second, whole = mixed()
    first.save(tmp_path / "first")
    found = assemble([str(tmp_path / "first"), second]).eval()
    assert found.spec == whole.spec
    assert torch.equal(found(PIXELS), whole(PIXELS))


def test_assembled_networks_are_assembled_again():
    *_, whole = mixed()
    again = assemble([lively("basic_resnet8_4", seed=3, mean=0.9), whole]).eval()
    torch.testing.assert_close(
        again(again.prepare(PIXELS))[1:], whole(whole.prepare(PIXELS)), rtol=0, atol=1e-5
    )


def test_one_network_is_an_ensemble():
    alone = lively("basic_resnet8_4")
    whole = assemble([alone]).eval()
    assert (whole.spec.into, whole.spec.is_large) == (1, False)
    assert torch.equal(whole(PIXELS), alone(PIXELS))


def test_thirty_networks_are_saved_with_one_record_of_equal_ones(tmp_path):
    small = spec("basic_resnet8_4", **IMAGES)
    whole = assemble([*[small] * 29, lively("basic_resnet14_4")], seed=0).eval()
    whole.save(tmp_path)
    assert len(whole.spec.to_dict()["members"]) == 2
    assert Ensemble.load(tmp_path).spec == whole.spec
    assert torch.equal(Ensemble.load(tmp_path).predict(PIXELS), whole.predict(PIXELS))


def test_what_does_not_go_together_is_refused():
    small = lively("basic_resnet8_4")
    assert refusal() == "nothing to assemble: give names, specs, modules, ensembles or folders"
    told = refusal(small, spec("basic_resnet8_4", **{**IMAGES, "image_size": 16}))
    assert told.startswith("basic_resnet8_4: its images [C, H, W] is (1, 16, 16), that of")
    assert "(3, 8, 8)" in refusal(small, spec("basic_resnet8_4", **{**IMAGES, "in_channels": 3}))
    told = refusal(small, spec("basic_resnet8_4", **{**IMAGES, "num_classes": 4}))
    assert "its number of classes is 4, that of the first network 3" in told
    other = lively("basic_resnet8_4", classes=("cat", "dog", "cow"))
    assert "it knows the class 'cow', unlike the first network" in refusal(small, other)
    photo = lively("basic_resnet8_4")
    assert photo.spec.preprocessing is not None
    cropped = replace(photo.spec.preprocessing, margin=1.15)
    photo.spec = replace(photo.spec, preprocessing=cropped)
    assert "its images have margin=1.15, those of the ensemble 1.0" in refusal(small, photo)
    assert assemble([small, photo], preprocessing=cropped).spec.preprocessing == cropped


def test_unknown_and_double_sources_are_refused(tmp_path):
    small = lively("basic_resnet8_4")
    small.save(tmp_path / "one")
    assert "is given twice: give each once" in refusal(small, small)
    assert "is given twice" in refusal(tmp_path / "one", f"{tmp_path}/../{tmp_path.name}/one")
    assert "network='basic_resnet9_4': depth 9 is not" in refusal(small, "basic_resnet9_4")
    assert "is not an ensemble: it has no spec.json" in refusal(tmp_path / "none")
    assert "does not say which images it takes" in refusal(nn.Linear(3, 3))
    told = refusal(small, nn.Sequential(nn.Flatten(), nn.Linear(7, 3)))
    assert "Sequential does not take images of shape [1, 8, 8], which others take" in told


def test_networks_that_differ_have_no_common_spec_no_large_network_and_no_soup(
    tmp_path, monkeypatch
):
    *_, whole = mixed()
    with pytest.raises(ConfigError, match=r"networks of the ensemble differ"):
        _ = whole.spec.network
    with pytest.raises(ConfigError, match="was assembled: there is no large network"):
        _ = whole.spec.large
    with pytest.raises(ConfigError, match="has another large network than"):
        check_alike({"a": lively("basic_resnet8_8", into=3), "b": whole})
    whole.save(tmp_path)
    monkeypatch.setattr("cotrain.evaluation.soup._settings", lambda _: None)
    with pytest.raises(ConfigError, match="its networks differ: only equal ones have a mean"):
        soup_of_networks(tmp_path)
    assert count_params(build(whole.spec.members[0].network)) == count_params(whole.networks[0])


class Stateful(nn.Sequential):
    """Has a state that is no tensor."""

    def get_extra_state(self) -> dict[str, int]:
        return {"calls": 1}

    def set_extra_state(self, state: object) -> None:
        pass


@pytest.mark.usefixtures("unchecked")
def test_a_module_that_cannot_be_saved_is_one_line(tmp_path):
    module = Stateful(nn.Flatten(), nn.Linear(64, 3))
    whole = assemble([module], example_input=torch.zeros(1, 1, 8, 8))
    with pytest.raises(ConfigError, match=r"_extra_state is a dict, and only tensors are saved"):
        whole.save(tmp_path / "odd")
    assert not (tmp_path / "odd").exists()
