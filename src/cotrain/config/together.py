"""Settings of an experiment that cannot stand together, as one would be ignored or contradicted."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from cotrain.basics.errors import ConfigError
from cotrain.config.dividing import DivideOptions

Settings: TypeAlias = Mapping[str, Any]  # of an experiment, by dotted name

# The settings of what divides a network, where none is divided.
_UNDIVIDED = {f"dividing.{each.name}": each.default for each in fields(DivideOptions)}


def check_together(settings: Settings) -> None:
    """Raise ConfigError where two settings of an experiment contradict each other."""
    if settings["hardware.execution"] == "auto":  # which takes the loop where nothing else goes
        settings = {**settings, "hardware.execution": "loop"}
    _check_one_start(settings)
    _check_labels_heeded(settings)
    _check_peer(settings)
    _check_whole(settings)
    _check_mixed(settings)
    _check_cached(settings)
    _check_one_by_one(settings)
    _check_member(settings)
    _check_fused(settings)
    _check_synchronised(settings)
    if (settings["weights.classes"], settings["weights.sampler"]) == ("balanced", "balanced"):
        raise ConfigError(
            "weights.classes=balanced and weights.sampler=balanced would count small classes "
            "twice: give one of them"
        )


def _check_one_start(settings: Settings) -> None:
    """Raise ConfigError where networks would start from two things at once."""
    none = {"pretrained": False, "inherit": None}
    starts = [name for name, value in none.items() if settings[name] is not value]
    if len(starts) > 1:
        raise ConfigError(
            f"pretrained={settings['pretrained']} and inherit={settings['inherit']} are both where "
            "the networks start from: give one of them"
        )
    if starts and settings["co_training.initialization"] == "identical":
        raise ConfigError(
            f"co_training.initialization=identical is of fresh weights: leave out {starts[0]}"
        )


def _check_labels_heeded(settings: Settings) -> None:
    """Raise ConfigError for settings of the labels where a teacher has all the weight."""
    if settings["teacher.weight"] < 1:
        return
    for name, usual in (("co_training.label_smoothing", 0.0), ("weights.classes", "none")):
        if settings[name] != usual:
            raise ConfigError(
                f"{name}={settings[name]} would be ignored, as teacher.weight=1 leaves the labels "
                f"out: give --{name} {usual}, or a smaller teacher.weight"
            )


def _check_peer(settings: Settings) -> None:
    """Raise ConfigError for settings of S networks where there is one, or of another peer."""
    peer = settings["peer"]
    if settings["input_repetition"] and peer != "mimo":
        raise ConfigError(
            f"input_repetition={settings['input_repetition']} would be ignored: it is for peer=mimo"
        )
    if peer == "none":
        return
    if settings["into"] == 1:
        raise ConfigError(
            f"into=1 is one answer, and peer={peer} gives several: give into 2 or more"
        )
    usual = {
        "co_training.weight": 0,
        "co_training.initialization": "fresh",
        "co_training.together": True,
        "hardware.execution": "loop",
        "sized_for": None,
        "inherit": None,
        "pretrained": False,
        "teacher.run": None,
    }
    why = f"is for networks of their own, and peer={peer} is one network"
    _refuse_unusual(settings, usual, why)


def _check_whole(settings: Settings) -> None:
    """Raise ConfigError for a way to divide where the networks are as large as the one named."""
    if settings["sized_for"] == 1:
        _refuse_unusual(settings, _UNDIVIDED, "would be ignored, as sized_for=1 divides nothing")


def _check_mixed(settings: Settings) -> None:
    """Raise ConfigError for settings of a large network where several networks are named."""
    network, into, pretrained = (settings[name] for name in ("network", "into", "pretrained"))
    names = network.split(",")
    if len(names) == 1:
        return
    if not all(names):
        raise ConfigError(f"network={network} has a comma without a name beside it: leave it out")
    usual = {"peer": "none", "sized_for": None, "co_training.initialization": "fresh", **_UNDIVIDED}
    why = f"is for one large network, and network={network} names {len(names)} that are not divided"
    _refuse_unusual(settings, usual, why)
    if into != len(names):
        paths = " (a comma in a folder's path parts it)" if "hf:" in network else ""
        raise ConfigError(
            f"into={into}, but network={network} names {len(names)} that are not divided{paths}: "
            f"give into {len(names)}"
        )
    if isinstance(pretrained, str) and len(pretrained.split(",")) != len(names):
        raise ConfigError(
            f"pretrained={pretrained}, but network={network} names {len(names)}: give true, or a "
            "file for each with commas between"
        )


def _check_cached(settings: Settings) -> None:
    """Raise ConfigError for settings that need images where features are kept in their place."""
    views = settings["fine_tuning.cached_views"]
    if views:
        usual = {
            "views.mixup": 0,
            "views.cutmix": 0,
            "teacher.run": None,
            "co_training.together": True,
        }
        why = f"needs images in every step, and fine_tuning.cached_views={views} keeps features"
        _refuse_unusual(settings, usual, why)


def _check_one_by_one(settings: Settings) -> None:
    """Raise ConfigError for a way to run networks at once where they take turns."""
    if not settings["co_training.together"]:
        why = "runs networks at once, and co_training.together=false trains one after the other"
        _refuse_unusual(settings, {"hardware.execution": "loop"}, why)


def _check_member(settings: Settings) -> None:
    """Raise ConfigError for settings that one of S networks cannot have alone."""
    member, into = settings["co_training.member"], settings["into"]
    if member is None:
        return
    if member >= into:
        raise ConfigError(
            f"co_training.member={member} is none of the into={into} networks: give 0 to {into - 1}"
        )
    if into == 1:
        raise ConfigError(
            f"co_training.member={member} is for a network beside others, and into=1 is one: "
            "leave it out"
        )
    usual = {
        "co_training.together": True,
        "peer": "none",
        "fine_tuning.cached_views": 0,
    }
    why = f"does not go with co_training.member={member}"
    _refuse_unusual(settings, usual, why)


def _check_fused(settings: Settings) -> None:
    """Raise ConfigError where gradients would be clipped before the optimizer unscales them."""
    scaled, clips = settings["hardware.precision"] == "16-mixed", settings["optimizer.clip"]
    if settings["optimizer.options"].get("fused") and scaled and clips is not None:
        raise ConfigError(
            "optimizer.options={fused: true} unscales gradients after they are clipped, with "
            "hardware.precision=16-mixed: leave out fused or optimizer.clip, or give bf16-mixed"
        )


def _check_synchronised(settings: Settings) -> None:
    """Raise ConfigError where the processes that BatchNorm is to be shared by have no same one."""
    size = settings["hardware.network_parallel"]
    if settings["hardware.sync_batch_norm"] and size > 1:
        raise ConfigError(
            f"hardware.sync_batch_norm=true does not go with hardware.network_parallel={size}, "
            "where processes have different networks: leave one of them out"
        )


def _refuse_unusual(settings: Settings, usual: Settings, why: str) -> None:
    """Raise ConfigError for the first of these settings that has another value."""
    for name, value in usual.items():
        if settings[name] != value:
            step = "leave it out" if value is None else f"give {value}"
            raise ConfigError(f"{name}={settings[name]} {why}: {step}")
