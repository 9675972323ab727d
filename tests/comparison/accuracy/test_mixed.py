"""Networks that differ stand beside the large network, at the cost that they have."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from training_runs import TINY

from cotrain import ConfigError, networks
from cotrain.cli.verbs import VERBS
from cotrain.comparison.accuracy.compare import compare
from cotrain.comparison.accuracy.mixed import list_mixed
from cotrain.config import Data, DivideOptions, Experiment
from cotrain.networks import build
from cotrain.networks.costs import count_macs, count_params
from cotrain.report.accuracy import write_comparison
from cotrain.report.accuracy_tables import comparison_tables
from cotrain.report.page.subject import page_of
from cotrain.training import fit

MIXED = "basic_resnet8_8+basic_resnet14_4"
EXPERIMENT = replace(TINY, network="basic_resnet14_8", epochs=1)


def test_a_candidate_has_all_settings_but_those_of_dividing():
    shared = Experiment(epochs=3, dividing=DivideOptions(budget="macs"))
    (found,) = list_mixed(shared, [MIXED])
    assert (found.name, found.slug) == ("basic_resnet8_8 + basic_resnet14_4", f"s2-{MIXED}")
    expected = Experiment(epochs=3, network="basic_resnet8_8,basic_resnet14_4", into=2)
    assert found.experiment == expected


def test_networks_of_libraries_see_the_large_networks_size():
    large = Experiment(network="timm:resnet10t")
    names = "timm:test_resnet+timm:test_vit"
    (found,) = list_mixed(large, [names])
    assert found.slug == "s2-timm_test_resnet+timm_test_vit"
    assert found.experiment.data.image_size == 176
    sized = replace(large, data=Data(image_size=64))
    assert list_mixed(sized, [names])[0].experiment.data.image_size == 64
    with pytest.raises(ConfigError, match=r"and basic_resnet has not: give --data.image_size$"):
        list_mixed(Experiment(), [names])


@pytest.mark.parametrize(
    ("mixed", "said"),
    [
        (["basic_resnet8_8"], r"is one network: give several with \+ between, such as basic_res"),
        ([MIXED, MIXED], "names one twice: give each once$"),
        (["basic_resnet8_8+"], "has a comma without a name"),
    ],
)
def test_what_is_no_ensemble_is_refused(mixed, said):
    with pytest.raises(ConfigError, match=said):
        list_mixed(Experiment(), mixed)


def test_they_are_compared_with_the_large_network_at_measured_cost(in_this_process, tmp_path):
    given = {"into": (1,), "seeds": (0, 1), "jobs": 1, "train": fit}
    found = compare(EXPERIMENT, tmp_path, mixed=(MIXED,), **given)
    large, mixed = found.candidates
    assert (large.mixed, mixed.mixed, mixed.into) == (False, True, 2)
    images: Any = {"num_classes": 10, "in_channels": 1, "image_size": 8}
    each = [build(networks.spec(name, **images)) for name in MIXED.split("+")]
    assert mixed.cost.params == sum(map(count_params, each))
    assert mixed.cost.macs_ratio == (
        sum(count_macs(one, (1, 8, 8)) for one in each) / large.cost.macs
    )
    assert mixed.to_large is not None
    less = np.array(mixed.errors) - np.array(large.errors)
    assert mixed.to_large.differences["error"].mean == pytest.approx(less.mean())
    assert mixed.name in found.verdict[0]
    assert comparison_tables(found)
    runs = [tmp_path / f"{slug}-seed0" for slug in ("s1", f"s2-{MIXED}")]
    assert len({(run / "split.jsonl").read_bytes() for run in runs}) == 1
    write_comparison(found, tmp_path)
    page = page_of(tmp_path)
    assert page.verdict == found.verdict


def test_what_cannot_be_built_is_refused_before_anything_is_trained(in_this_process, tmp_path):
    with pytest.raises(ConfigError, match=r"^network='basic_resnot' is not known"):
        compare(
            EXPERIMENT,
            tmp_path,
            into=(1,),
            seeds=(0,),
            mixed=("basic_resnot+basic_resnet8_4",),
            jobs=1,
            train=fit,
        )
    assert not list(tmp_path.glob("*-seed0"))


@pytest.mark.parametrize("verb", ["compare", "pilot"])
def test_what_divides_one_network_refuses_several(verb, tmp_path):
    with pytest.raises(ConfigError, match=r"cotrain compare --mixed basic_resnet\+resnet20$"):
        VERBS[verb](output=str(tmp_path), network="basic_resnet,resnet20")
