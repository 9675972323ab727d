"""What could replace a network: rows, their costs, their commands, and what is refused."""

import json
import shlex
from types import SimpleNamespace
from typing import Any

import pytest
import timm
from image_folders import write_folder
from listed_checkpoints import LISTED

from cotrain import ConfigError, training
from cotrain.cli.command import main
from cotrain.cli.verbs import VERBS
from cotrain.config.recipes import load_recipe
from cotrain.dividing import divide_spec
from cotrain.networks import build, spec_for_images
from cotrain.planning import matching
from cotrain.planning.shortlist import shortlist

IMAGES: Any = {"num_classes": 2, "in_channels": 3, "image_size": 32}


def params_of(module) -> int:
    return sum(each.numel() for each in module.parameters())


def test_a_row_costs_what_its_networks_cost():
    found = shortlist("resnet20", into=(4, 1), num_classes=2)
    large = spec_for_images("resnet20", **IMAGES)
    small = build(divide_spec(large, 4))
    kept, fresh, taught, inherited = found.alternatives
    assert [each.kind for each in found.alternatives] == ["large", "divided", "taught", "inherited"]
    assert kept.params == params_of(build(large))
    assert {each.params for each in (fresh, taught, inherited)} == {4 * params_of(small)}
    assert fresh.params_ratio == fresh.params / kept.params
    assert fresh.macs_ratio == fresh.macs / kept.macs
    assert abs(fresh.params_ratio - 1) <= 0.1
    row = fresh.to_dict()
    assert json.loads(json.dumps(row))["networks"] == [
        {
            "count": 4,
            "name": "resnet20 of 4",
            "params": params_of(small),
            "macs": fresh.macs // 4,
            "top1": None,
            "upstream": "",
        }
    ]


def test_every_command_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images: Any = {"num_classes": 2, "image_size": 32}
    write_folder(tmp_path / "PHOTOS", count=60, size=(32, 32))
    found = shortlist("timm:test_resnet", into=(2,), **images, tolerance=0.4)
    assert [each.kind for each in found.alternatives] == ["large", "divided", "taught", "inherited"]
    less = ("--epochs", "1", "--hardware.accelerator", "cpu", "--progress", "false")
    for command in dict.fromkeys(each for row in found.alternatives for each in row.commands):
        program, *words = shlex.split(command)
        assert program == "cotrain"
        main([*words, *less])
    capsys.readouterr()
    runs = ["large", "s2", "s2-inherited", "s2-taught"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == runs
    assert all((tmp_path / "runs" / name / "evaluation.json").is_file() for name in runs)


def test_what_is_divided_keeps_to_macs():
    found = shortlist("timm:resnet10t", into=(2,), num_classes=10, by="macs", tolerance=0.03)
    assert abs(found.alternatives[1].macs_ratio - 1) <= 0.03
    assert "--dividing.budget macs --dividing.tolerance 0.03" in found.alternatives[1].commands[0]


def test_pretrained_rows_have_what_was_published_and_their_commands(monkeypatch):
    monkeypatch.setattr(matching, "published_checkpoints", lambda: LISTED)
    wanted = {"num_classes": 10, "tolerance": 0.25, "pretrained": True}
    found = shortlist("timm:resnet18", into=(2, 40), **wanted)
    kinds = ["large", "large", "divided", "taught", "inherited", "inherited", "pretrained"]
    assert [each.kind for each in found.alternatives][:7] == kinds
    assert found.alternatives[-1].kind == "duo"
    kept, several, duo = (found.alternatives[place] for place in (1, 6, -1))
    (command,) = kept.commands
    name = kept.networks[0].name
    assert f"--network {name} --into 1 --pretrained true --output" in command
    assert name.startswith("timm:resnet18.")

    assert (kept.finding.evidence, kept.finding.text) == ("published", "75.00 % on ImageNet")
    assert kept.params == params_of(timm.create_model("resnet18", num_classes=10))

    assert [each.top1 for each in several.networks] == [73.0, 70.0]
    assert several.finding.evidence == "no evidence"
    assert "71.50 % on the mean against 75.00 %" in several.finding.text
    assert several.finding.text.endswith(
        "averaging must win back 3.50 points; two EfficientNet-Lite0 did not win back 2.62 "
        "(docs/pretrained.md)"
    )

    assert [each.top1 for each in duo.networks] == [75.0, 69.0]
    assert 1.1 <= duo.params_ratio <= 1.2
    left_out = "into=40, pretrained: timm's list has 0 checkpoints of 224 pixels"
    assert any(each.startswith(left_out) for each in found.left_out)


def test_every_printed_command_is_understood(monkeypatch):
    """Those of pretrained networks fetch weights: what they ask for is looked at, not done."""
    monkeypatch.setattr(matching, "published_checkpoints", lambda: LISTED)
    asked: dict[str, Any] = {}

    def fit(experiment, output, **_):
        asked[str(output)] = experiment
        return SimpleNamespace(evaluation=None)

    monkeypatch.setattr(training, "fit", fit)
    calibrated: list[str] = []

    def calibrate(path: str) -> None:
        """Note what would be calibrated."""
        calibrated.append(path)

    monkeypatch.setitem(VERBS, "calibrate", calibrate)
    wanted = {"num_classes": 10, "tolerance": 0.25, "pretrained": True}
    found = shortlist("timm:resnet18", into=(2,), **wanted)
    assert len(found.alternatives) == 8
    for row in found.alternatives:
        assert row.commands
        for command in row.commands:
            program, *words = shlex.split(command)
            assert program == "cotrain"
            main(words)
    duo, several = asked["runs/duo"], asked["runs/s2-pretrained"]
    rows = {each.kind: each for each in found.alternatives}
    for experiment, kind in ((duo, "duo"), (several, "pretrained")):
        assert list(experiment.networks) == [each.name for each in rows[kind].networks]
        assert (experiment.into, experiment.pretrained) == (2, True)
    assert duo.data.calibration == 0.1
    assert duo.fine_tuning == load_recipe("finetune").fine_tuning
    heirs = asked["runs/s2-from-pretrained"]
    assert (heirs.networks, heirs.into) == (asked["runs/large-pretrained"].networks, 2)
    assert heirs.pretrained is True
    assert calibrated == ["runs/duo"]
    assert (asked["runs/large"].into, asked["runs/s2"].dividing.tolerance) == (1, 0.25)


@pytest.mark.parametrize(
    ("network", "settings", "message"),
    [
        ("resnet20", {"into": (1,)}, "into=1 is the large network itself: give an S above 1"),
        ("resnet20", {"into": (0,)}, "into=0 is not a whole number of at least 1"),
        ("resnet20", {"tolerance": 0}, "tolerance=0 is not a share between 0 and 1"),
        ("resnet20x", {}, "network='resnet20x' is not known: did you mean"),
        ("timm:resnt18", {}, "network='timm:resnt18' is not known: did you mean timm:resnet18"),
        ("resnet20", {"num_classes": 1}, "num_classes=1 is not in"),
        (
            "wide_resnet16_8",
            {},
            "nothing replaces wide_resnet16_8 at equal params: into=2: wide_resnet16_8 divided has "
            "1.128 times the params: give another S, or --tolerance 0.13",
        ),
        ("resnet20", {"pretrained": True}, "network='resnet20' has no pretrained weights in timm"),
        (
            "timm:convnext_small",
            {"pretrained": True, "image_size": 256},
            "timm's list has timm:convnext_small at 224, 288, 384 pixels, not at 256",
        ),
    ],
)
def test_what_cannot_be_planned_is_one_line(network, settings, message):
    wanted = {"into": (2,), "num_classes": 100, **settings}
    with pytest.raises(ConfigError) as caught:
        shortlist(network, **wanted)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_s_that_does_not_fit_is_left_out_with_the_reason():
    found = shortlist("wide_resnet16_8", into=(2, 4), num_classes=100)
    assert {len(each.networks) for each in found.alternatives} == {1, 4}
    assert len(found.left_out) == 1
    assert found.left_out[0].startswith("into=2: wide_resnet16_8 divided has 1.128 times")
