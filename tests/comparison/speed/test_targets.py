"""Names, folders and files become what can be timed, with the large network beside."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cotrain import ConfigError, divide
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.speed.targets import find_targets
from cotrain.export import ExportOptions, export_ensemble

LARGE = "basic_resnet8_4 3x8x8, 10 classes"


@pytest.fixture
def run(tmp_path, tiny_spec):
    """A run folder with S networks, as a training leaves it."""

    def make(name, into, top1=None):
        folder = RunFolder(tmp_path / name)
        divide(tiny_spec, into, seed=0).save(folder.ensemble)
        folder.config.write_text("into: 2\n")
        if top1 is not None:
            folder.evaluation.write_text(json.dumps({"images": 10, "ensemble": {"top1": top1}}))
        return folder.root

    return make


def described(targets):
    return [(t.facts.short, t.facts.into, t.facts.large, t.facts.top1) for t in targets]


def test_a_name_is_the_large_network_and_each_s(tiny, tiny_spec):
    targets = tiny(into=(4, 2))
    assert described(targets) == [(f"S={s}", s, LARGE, None) for s in (1, 2, 4)]
    two = divide(tiny_spec, 2, seed=0)
    assert targets[1].facts.params == two.params
    assert targets[1].facts.macs == two.macs((3, 8, 8))
    assert targets[1].facts.image_shape == (3, 8, 8)


def test_a_run_has_its_accuracy_and_the_large_network_beside(run):
    folder = run("s2", 2, top1=0.75)
    expected = [("S=1", 1, LARGE, None), (str(folder), 2, LARGE, 0.75)]
    assert described(find_targets([str(folder)])) == expected
    inside = find_targets([str(folder / "ensemble")])
    assert [t.facts.top1 for t in inside] == [None, 0.75]


def test_a_large_network_that_is_given_takes_the_place_of_the_fresh_one(run):
    folders = [str(run("s2", 2, top1=0.75)), str(run("s1", 1, top1=0.5))]
    assert described(find_targets(folders)) == [
        (folders[1], 1, LARGE, 0.5),
        (folders[0], 2, LARGE, 0.75),
    ]


def test_a_comparison_is_its_runs_of_the_first_seed(run, tmp_path):
    for name, into in (("s1-seed3", 1), ("s2-seed3", 2), ("s2-seed4", 2)):
        run(name, into)
    (tmp_path / "comparison.json").write_text('{"seeds": [3, 4]}')
    found = find_targets([str(tmp_path)])
    assert [t.facts.name.rpartition("/")[2] for t in found] == ["s1-seed3", "s2-seed3"]
    for damaged in ("{}", "[]", '{"seeds": []}', '{"seeds": ["/../../"]}'):
        (tmp_path / "comparison.json").write_text(damaged)
        with pytest.raises(ConfigError, match=r"comparison.json is damaged: it has no seeds"):
            find_targets([str(tmp_path)])


def test_an_exported_file_knows_its_large_network(tmp_path, tiny_spec):
    path = tmp_path / "two.pt2"
    export_ensemble(divide(tiny_spec, 2, seed=0), path, ExportOptions(format="torch-export"))
    (target,) = find_targets([str(path)], trust=True)
    source: Any = target.source
    assert (source.path, source.spec.format) == (path, "torch-export")
    assert (target.facts.large, target.facts.into) == (LARGE, 2)


def test_nobody_is_timed_twice(tiny):
    assert [t.facts.into for t in tiny("basic_resnet8_4", "basic_resnet8_4")] == [1, 2]


def test_large_networks_keep_their_order(tiny):
    names = [t.facts.name.partition(" ")[0] for t in tiny("resnet20", "basic_resnet8_4")]
    assert names == ["resnet20", "resnet20", "basic_resnet8_4", "basic_resnet8_4"]


def test_a_damaged_accuracy_says_how_to_write_it_again(run):
    folder = run("s2", 2)
    (folder / "evaluation.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"evaluation.json is damaged .* cotrain evaluate"):
        find_targets([str(folder)])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "nothing to measure"),
        (["basic_resnett"], "network='basic_resnett' is not known"),
        (["no/where"], "no/where is not an ensemble: it has no spec.json"),
    ],
)
def test_what_cannot_be_found_is_one_line(texts, message):
    with pytest.raises(ConfigError, match=message):
        find_targets(texts)


def test_ensembles_of_other_classes_have_another_large_network(tiny_spec, tmp_path):
    divide(replace(tiny_spec, num_classes=7), 2, seed=0).save(tmp_path / "seven")
    divide(tiny_spec, 2, seed=0).save(tmp_path / "ten")
    found = find_targets([str(tmp_path / "seven"), str(tmp_path / "ten")])
    assert [t.facts.into for t in found] == [1, 2, 1, 2]
    assert len({t.facts.name for t in found}) == 4
