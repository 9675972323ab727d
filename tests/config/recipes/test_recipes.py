"""Every recipe opens with the command that runs it, is parsed, and its networks are built."""

import shlex

import pytest
import torch

from cotrain.config.recipes import list_recipes, load_recipe, recipe_text
from cotrain.dividing import divide_spec
from cotrain.networks import build, spec
from cotrain.networks.costs import count_params

# Trainable parameters of all S networks: the paper's tables for Wide ResNet, and for basic_resnet
# the sum over its layers. `imagefolder` has as many classes as the folder; 10 here. The recipes
# `paper/...` have tests of their own.
PARAMS = {
    "digits": 311_016,
    "cifar10-small": 312_168,
    "cifar10-wide": 10_999_144,
    "fashion-mnist": 311_016,
    "imagefolder": 2_768_488,
    "finetune": 2 * (4_652_008 - 1_281_000 + 12_810),  # the published one, with another head
}


def test_all_recipes_are_listed():
    assert {name for name in list_recipes() if not name.startswith("paper/")} == set(PARAMS)


@pytest.mark.parametrize("name", list_recipes())
def test_first_line_is_the_command_that_runs_it(name):
    first = recipe_text(name).splitlines()[0]
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
        num_classes=10,
        in_channels=1 if experiment.data.dataset in {"digits", "fashion_mnist"} else 3,
    )
    with torch.device("meta"):
        network = build(divide_spec(large, experiment.sized_for or experiment.into))
    assert experiment.into * count_params(network) == PARAMS[name]


def test_digits_is_the_published_demo():
    recipe = load_recipe("digits")
    assert (recipe.epochs, recipe.batch_size, recipe.data.train_images) == (60, 64, 200)
    assert (recipe.optimizer.lr, recipe.optimizer.weight_decay) == (0.1, 0.0005)
    assert recipe.schedule.warmup_epochs == pytest.approx(0.07 * recipe.epochs)
    assert (recipe.views.padding, recipe.views.flip, recipe.views.mixup) == (1, False, 0)
    assert recipe.data.validation == "none"


@pytest.mark.parametrize(
    ("network", "optimizer"),
    [("wide_resnet16_4", ("sgd", 0.1, 5e-4)), ("timm:convnext_tiny", ("adamw", 1e-3, 0.05))],
)
def test_images_of_ones_own_ask_no_network_for_what_does_not_suit_it(network, optimizer):
    recipe = load_recipe("imagefolder", ["--network", network])
    found = recipe.optimizer
    assert (found.name, found.lr, found.weight_decay) == optimizer
    data = recipe.data
    assert (data.image_size, data.mean, data.std, data.margin) == (None,) * 4


def test_what_a_recipe_says_and_the_user_turns_off_is_left_out():
    assert load_recipe("digits").views.padding == 1
    assert load_recipe("digits", ["--views.crop=none"]).views.padding == 4  # as if unsaid
    assert load_recipe("digits", ["--views.crop", "pad"]).views.padding == 1
    assert load_recipe("digits", ["--views.padding=2", "--views.crop=none"]).views.padding == 2
    assert load_recipe("cifar10-wide").views.erasing_scale == (0.125, 0.2)
    assert load_recipe("cifar10-wide", ["--views.erasing=0"]).views.erasing_scale == (0.02, 0.33)
    assert load_recipe("cifar10-wide", ["--views.erasing=1"]).views.erasing_scale == (0.125, 0.2)
    assert load_recipe("imagefolder", ["--data.dataset=digits"]).data.root is None
    assert load_recipe("imagefolder", ["--data.dataset=imagenet"]).data.root == "data/my-images"
    table = ["--data.dataset=csv", "--data.table=photos/all.csv"]
    assert load_recipe("imagefolder", table).data.root is None  # the table's folder
    assert load_recipe("imagefolder", [*table, "--data.root=photos"]).data.root == "photos"
    assert load_recipe("finetune").fine_tuning.cached_views == 4
    thawed = load_recipe("finetune", ["--fine_tuning.frozen_epochs=0"]).fine_tuning
    assert thawed.cached_views == 0
    assert thawed.layer_decay == 0.85
