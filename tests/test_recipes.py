"""Every recipe opens with the command that runs it, is parsed, and its networks are built."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import cotrain
from cotrain.costs import count_params
from cotrain.dividing import divide_spec
from cotrain.networks import build, spec
from cotrain.recipes import list_recipes, load_recipe, recipe_path

FOLDER = Path(cotrain.__file__).parent / "recipes"

# Trainable parameters of all S networks: the paper's tables for Wide ResNet, and for basic_resnet
# the sum over its layers. `imagefolder` has as many classes as the folder; 10 here.
PARAMS = {
    "digits": 311_016,
    "cifar10-small": 312_168,
    "cifar10-wide": 10_999_144,
    "fashion-mnist": 311_016,
    "imagefolder": 2_768_488,
    "paper-wide_resnet28_10-cifar10-s1": 36_481_434,
    "paper-wide_resnet28_10-cifar10-s2": 35_774_196,
    "paper-wide_resnet28_10-cifar10-s4": 36_535_016,
    "paper-wide_resnet28_10-cifar100-s1": 36_539_124,
    "paper-wide_resnet28_10-cifar100-s2": 35_855_016,
    "paper-wide_resnet28_10-cifar100-s4": 36_650_576,
}


def test_all_files_are_listed():
    assert sorted(list_recipes()) == sorted(path.stem for path in FOLDER.rglob("*.yaml"))
    assert set(list_recipes()) == set(PARAMS)


@pytest.mark.parametrize("name", PARAMS)
def test_first_line_is_the_command_that_runs_it(name):
    first = recipe_path(name).read_text(encoding="utf-8").splitlines()[0]
    marker, program, verb, *arguments = shlex.split(first)
    assert (marker, program) == ("#", "cotrain")
    assert verb in {"train", "compare"}
    assert arguments[:2] == ["--config", name]
    assert arguments[-2:] == ["--output", f"runs/{name}"]


@pytest.mark.parametrize("name", PARAMS)
def test_networks_are_built(name):
    experiment = load_recipe(name)
    large = spec(
        experiment.network,
        num_classes=100 if experiment.data.dataset == "cifar100" else 10,
        in_channels=1 if experiment.data.dataset in {"digits", "fashion_mnist"} else 3,
    )
    with torch.device("meta"):
        network = build(divide_spec(large, experiment.into))
    assert experiment.into * count_params(network) == PARAMS[name]


def test_digits_is_the_published_demo():
    recipe = load_recipe("digits")
    assert (recipe.epochs, recipe.batch_size, recipe.data.train_images) == (60, 64, 200)
    assert (recipe.optimizer.lr, recipe.optimizer.weight_decay) == (0.1, 0.0005)
    assert recipe.schedule.warmup_epochs == pytest.approx(0.07 * recipe.epochs)
    assert (recipe.views.padding, recipe.views.flip, recipe.views.mixup) == (1, False, 0)
    assert recipe.data.validation == "none"


@pytest.mark.parametrize(("dataset", "divided"), [("cifar10", True), ("cifar100", False)])
@pytest.mark.parametrize("into", [1, 2, 4])
def test_the_papers_recipes(dataset, divided, into):
    recipe = load_recipe(f"paper-wide_resnet28_10-{dataset}-s{into}")
    assert (recipe.network, recipe.into, recipe.epochs) == ("wide_resnet28_10", into, 300)
    assert recipe.data.dataset == dataset
    assert recipe.optimizer.divide_weight_decay is divided
    assert (recipe.co_training.weight, recipe.co_training.ramp_epochs) == (0.5, 40)


def test_only_the_named_values_differ_between_s_of_the_paper():
    one, two, four = (load_recipe(f"paper-wide_resnet28_10-cifar10-s{into}") for into in (1, 2, 4))
    assert one == replace(two, into=1) == replace(four, into=1)
