"""``cotrain divide``: what was made sure of is said, in the table's notes and in the JSON."""

import json
from dataclasses import replace

import pytest
from torch import nn

from cotrain import register_builder
from cotrain.cli.command import main
from cotrain.config.recipes import load_recipe
from cotrain.dividing.division import network_cost
from cotrain.training.from_experiment import experiment_ensemble, experiment_images


class Small(nn.Sequential):
    def __init__(self, width: int = 7, num_classes: int = 10) -> None:
        super().__init__(nn.Conv2d(3, width, 8), nn.Flatten(), nn.Linear(width, num_classes))


@pytest.fixture
def run(capsys):
    register_builder("small", Small)

    def run_words(*words: str) -> str:
        main(["divide", *words])
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run_words


FOREIGN = ("python:small", "--into", "2", "--image-size", "8", "--num-classes", "10")
LOOSE = ("--dividing.tolerance", "0.4", "--dividing.method", "structural")


def test_what_was_looked_at_and_what_could_not_be_is_said(run):
    told = run(*FOREIGN, *LOOSE, "--dividing.check", "full")
    assert (
        "\nchecked: no scale is stale; at scale 1 nothing changes; "
        "a training step reaches every parameter\n"
        "not checked: with every channel twice it gives what it gives with half of them "
        "(NotHalvedError: some widths have no half)\n"
    ) in told


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((*FOREIGN, *LOOSE, "--dividing.check", "none"), "check=none"),
        (("resnet11", "--into", "2"), "its published rule divides it"),
        (("resnet11", "--into", "1"), "nothing is divided"),
    ],
)
def test_why_nothing_was_looked_at_is_said(run, words, reason):
    assert f"\nnot checked: {reason}\n" in run(*words)
    (division,) = json.loads(run(*words, "--json"))
    assert division["checks"] == {"passed": [], "skipped": [], "none": reason}


def test_digits_have_the_images_that_train_gives_them(run):
    [found] = json.loads(run("basic_resnet", "--dataset", "digits", "--into", "4", "--json"))
    experiment = replace(load_recipe("digits"), into=4)
    large = experiment_ensemble(experiment, experiment_images(experiment)).spec.large
    assert found["large"]["params"] == network_cost(large).params
    assert found["large"]["macs"] == network_cost(large).macs
    [rgb] = json.loads(
        run("basic_resnet", "--dataset", "digits", "--into", "4", "--in-channels", "3", "--json")
    )
    assert rgb["large"]["macs"] > found["large"]["macs"]
