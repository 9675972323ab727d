"""Numbers that no experiment can have are refused when it is made."""

import math
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest

from cotrain import ConfigError
from cotrain.config import (
    CoTrainingOptions,
    Experiment,
    FineTuning,
    Hardware,
    Optimizer,
    Teacher,
    Views,
)


def experiment(name: str, value) -> Experiment:
    """The default experiment with one value, by its dotted name."""
    part, dot, key = name.rpartition(".")
    settings: dict[str, Any] = {key: value}
    if dot:
        settings = {part: type(getattr(Experiment(), part))(**settings)}
    return Experiment(**settings)


def read(made: Experiment, name: str):
    for key in name.split("."):
        made = getattr(made, key)
    return made


def names_of(kind: type) -> list[str]:
    """The dotted names of the fields whose default has this type."""
    default = Experiment()
    names = []
    for each in fields(default):
        value = getattr(default, each.name)
        inner = [f"{each.name}.{f.name}" for f in fields(value)] if is_dataclass(value) else []
        names += [n for n in [each.name, *inner] if type(read(default, n)) is kind]
    return names


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "name", [*names_of(float), "optimizer.clip", "co_training.ramp_epochs", "ema"]
)
def test_every_number_is_finite(name, value):
    with pytest.raises(ConfigError, match=rf"^{name}={value} is not finite: give"):
        experiment(name, value)


@pytest.mark.parametrize("name", ["optimizer.lr", "optimizer.weight_decay", "co_training.weight"])
def test_every_number_fits_a_tensor(name):
    assert read(experiment(name, 1e30), name) == 1e30
    with pytest.raises(ConfigError, match=rf"^{name}=1e\+300 is beyond 1e\+30: give smaller"):
        experiment(name, 1e300)


@pytest.mark.parametrize("name", ["views.scale", "views.erasing_scale", "views.erasing_ratio"])
def test_both_ends_of_a_range_are_finite(name):
    for value in ((math.nan, 1.0), (0.5, math.inf)):
        with pytest.raises(ConfigError, match=rf"^{name}=.* is not finite"):
            experiment(name, value)


@pytest.mark.parametrize("name", ["data.mean", "data.std"])
def test_every_channel_is_finite(name):
    with pytest.raises(ConfigError, match=rf"^{name}=.* is not finite"):
        experiment(name, [0.5, math.nan, 0.5])
    assert read(experiment(name, [0.5, 0.4, 0.3]), name) == [0.5, 0.4, 0.3]


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("batch_size", 1),
        ("early_stopping", 1),
        ("checkpoint_steps", 1),
        ("data.train_images", 1),
        ("data.test_images", 1),
        ("views.padding", 0),
        ("views.mixup", 0),
        ("views.cutmix", 0),
        ("optimizer.lr", 0),
        ("optimizer.momentum", 0),
        ("optimizer.weight_decay", 0),
        ("optimizer.clip", 0),
        ("optimizer.accumulate", 1),
        ("schedule.warmup_epochs", -1),
        ("schedule.warmup_lr", 0),
        ("schedule.end_lr", 0),
        ("co_training.weight", 0),
        ("co_training.ramp_epochs", 0),
        ("hardware.num_nodes", 1),
    ],
)
def test_the_least_of_every_number(name, least):
    assert read(experiment(name, least), name) == least
    below = least - 1
    with pytest.raises(ConfigError, match=rf"^{name}={below} is below {least}: give at least"):
        experiment(name, below)


def test_images_are_neither_tiny_nor_huge():
    for size in (8, 4096):
        assert read(experiment("data.image_size", size), "data.image_size") == size
    for size in (7, 4097):
        with pytest.raises(ConfigError, match=rf"^data.image_size={size} is not in \[8, 4096\]"):
            experiment("data.image_size", size)


@pytest.mark.parametrize("name", ["data.validation", "data.test", "co_training.label_smoothing"])
def test_shares_are_below_1(name):
    for value in (0, 0.0, 0.999):
        assert read(experiment(name, value), name) == value
    for value in (-0.1, 1, 1.0, 20):
        with pytest.raises(ConfigError, match=rf"^{name}={value} is not in \[0, 1\)"):
            experiment(name, value)


def test_the_decay_of_the_average_is_below_1():
    assert experiment("ema", 0.999).ema == 0.999
    with pytest.raises(ConfigError, match=r"^ema=1\.0 is not in \[0, 1\)"):
        experiment("ema", 1.0)


def test_a_probability_may_be_1():
    assert experiment("views.erasing", 1.0).views.erasing == 1
    for value in (-0.1, 1.1):
        with pytest.raises(ConfigError, match=rf"^views\.erasing={value} is not a probability"):
            experiment("views.erasing", value)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1])
def test_a_tolerance_is_a_share(value):
    with pytest.raises(ConfigError, match=rf"^dividing\.tolerance={value} is not a share between"):
        experiment("dividing.tolerance", value)


def test_decay_epochs_are_above_0():
    assert experiment("schedule.decay_epochs", 0.1).schedule.decay_epochs == 0.1
    with pytest.raises(ConfigError, match=r"^schedule\.decay_epochs=0\.0 is not above 0"):
        experiment("schedule.decay_epochs", 0.0)


@pytest.mark.parametrize("name", ["on_nan", "schedule.name", "optimizer.decayed", "views.crop"])
def test_unknown_words_are_refused(name):
    with pytest.raises(ConfigError, match=rf"^{name}='never' is not known: use one of \('"):
        experiment(name, "never")


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("into", 1, 1024),
        ("epochs", 1, 1_000_000),
        ("data.workers", 0, 256),
        ("hardware.threads", 1, 1024),
    ],
)
def test_numbers_that_would_never_end_are_refused(name, least, most):
    for possible in (least, most):
        assert read(experiment(name, possible), name) == possible
    for value in (least - 1, most + 1, 10**20):
        with pytest.raises(ConfigError, match=rf"^{name}={value} is not in \[{least}, {most}\]"):
            experiment(name, value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("epochs", "a whole number"),
        ("views.flip", "true or false"),
        ("views.scale", "a list of 2, each a number"),
        ("data.background", "text"),
        ("data.validation", "a number or none"),
        ("hardware", "a map"),
    ],
)
def test_null_is_a_value_only_where_it_means_something(name, kind):
    with pytest.raises(ConfigError, match=rf"^{name}=null is not {kind}: give that, or leave"):
        experiment(name, None)
    assert experiment("data.image_size", None).data.image_size is None


def test_validation_may_be_none():
    assert experiment("data.validation", "none").data.validation == "none"


def test_a_change_is_checked_too_and_fields_are_frozen():
    made: Any = Experiment()
    with pytest.raises(ConfigError, match=r"into=0 is not in \[1, 1024\]"):
        replace(made, into=0)
    with pytest.raises(FrozenInstanceError):
        made.into = 2
    with pytest.raises(FrozenInstanceError):
        made.optimizer.lr = 2.0
    make: Any = Experiment
    with pytest.raises(TypeError):
        make("wide_resnet16_8")
    assert made == Experiment()


@pytest.mark.parametrize(
    ("network", "given", "found"),
    [
        ("wide_resnet16_4", {}, ("sgd", 0.1, 5e-4)),
        ("timm:convnext_tiny", {}, ("adamw", 1e-3, 0.05)),
        ("timm:convnext_tiny", {"name": "momentum"}, ("momentum", 0.1, 5e-4)),
        ("wide_resnet16_4", {"name": "lamb", "weight_decay": 0.0}, ("lamb", 1e-3, 0.0)),
        ("hf:vit", {"lr": 0.0}, ("adamw", 0.0, 0.05)),
    ],
)
def test_auto_and_null_become_what_suits(network, given, found):
    asked = Optimizer(**{"name": "auto", "lr": None, "weight_decay": None, **given})
    made = Experiment(network=network, optimizer=asked).optimizer
    assert (made.name, made.lr, made.weight_decay) == found


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"into": 1}, "into=1 is one answer, and peer=packed gives several: give into 2 or more"),
        (
            {"co_training": CoTrainingOptions()},
            "co_training.weight=0.5 is for networks of their own, and peer=packed is one network: "
            "give 0",
        ),
        (
            {"inherit": "runs/one"},
            "inherit=runs/one is for networks of their own, and peer=packed is one network: leave "
            "it out",
        ),
        ({"sized_for": 2}, "sized_for=2 is for networks of their own, and .*"),
        ({"teacher": Teacher(run="runs/one")}, "teacher.run=runs/one is for networks .*"),
        (
            {"hardware": Hardware(execution="threads")},
            "hardware.execution=threads is .*: give loop",
        ),
    ],
)
def test_what_is_for_several_networks_is_not_for_a_peer(settings, said):
    alone = CoTrainingOptions(weight=0.0)
    with pytest.raises(ConfigError, match=f"^{said}$"):
        Experiment(**{"peer": "packed", "co_training": alone} | settings)


def test_a_peer_is_one_network():
    peer = Experiment(peer="mimo", into=3, co_training=CoTrainingOptions(weight=0.0))
    assert (peer.trained_networks, Experiment(into=3).trained_networks) == (1, 3)
    with pytest.raises(ConfigError, match=r"^peer='batch' is not known: use one of"):
        Experiment(peer="batch")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "others", "message"),
    [
        ({"layer_decay": 0.0}, {}, r"layer_decay=0.0 is no share of a learning rate"),
        ({"layer_decay": 1.5}, {}, r"layer_decay=1.5 is no share of a learning rate"),
        ({"head_lr_scale": 0.0}, {}, r"head_lr_scale=0.0 is not above 0"),
        ({"frozen_epochs": -1}, {}, r"frozen_epochs=-1 is below 0"),
        ({"frozen_epochs": 9}, {}, r"frozen_epochs=9 is more than epochs=8: give at most 8"),
        (
            {"cached_views": 2},
            {},
            r"cached_views=2 would be ignored: .*frozen_epochs=0 .* --fine_tuning.cached_views 0,",
        ),
        (
            {"frozen_epochs": 2, "cached_views": 3},
            {},
            r"cached_views=3 is more than one view for each of fine_tuning.frozen_epochs=2",
        ),
        (
            {"frozen_epochs": 8, "layer_decay": 0.7},
            {},
            r"layer_decay=0.7 would be ignored, as all epochs=8 are frozen",
        ),
        (
            {"frozen_epochs": 8, "frozen_batch_norm": True},
            {},
            r"frozen_batch_norm=true would be ignored, as all epochs=8 are frozen",
        ),
        (
            {"frozen_epochs": 1},
            {"pretrained": False},
            r"frozen_epochs=1 is for networks that start from trained weights: give pretrained or",
        ),
        (
            {"frozen_epochs": 1, "cached_views": 1},
            {"views": Views(mixup=0.2)},
            r"mixup=0.2 needs images in every step, and fine_tuning.cached_views=1 .*: give 0",
        ),
        (
            {"frozen_epochs": 1, "cached_views": 1},
            {"teacher": Teacher(run="runs/large")},
            r"teacher.run=runs/large needs images .*: leave it out",
        ),
        (
            {"frozen_epochs": 1, "cached_views": 1},
            {"co_training": CoTrainingOptions(together=False)},
            r"co_training.together=False needs images .*: give True",
        ),
    ],
)
def test_fine_tuning_that_cannot_be_or_would_be_ignored(settings, others, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Experiment(
            **{"epochs": 8, "pretrained": True, "fine_tuning": FineTuning(**settings), **others}
        )
    assert "\n" not in str(caught.value)


def test_fine_tuning_that_is_off_asks_for_nothing():
    assert Experiment(fine_tuning=FineTuning()) == Experiment()
    probe = FineTuning(frozen_epochs=8, cached_views=8, head_lr_scale=2)
    assert Experiment(epochs=8, inherit="runs/large", fine_tuning=probe).fine_tuning == probe
