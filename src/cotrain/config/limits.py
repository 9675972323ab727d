"""Which numbers an experiment's settings can be."""

import math
from collections.abc import Mapping
from typing import Any

from cotrain.basics.errors import ConfigError

_AT_LEAST = {
    "into": 1,
    "epochs": 1,
    "batch_size": 1,
    "data.train_images": 1,
    "data.test_images": 1,
    "data.image_size": 8,
    "data.workers": 0,
    "views.padding": 0,
    "views.mixup": 0,
    "views.cutmix": 0,
    "optimizer.lr": 0,
    "optimizer.momentum": 0,
    "optimizer.weight_decay": 0,
    "optimizer.clip": 0,
    "optimizer.accumulate": 1,
    "schedule.warmup_epochs": -1,
    "schedule.warmup_lr": 0,
    "schedule.end_lr": 0,
    "co_training.weight": 0,
    "co_training.ramp_epochs": 0,
    "early_stopping": 1,
    "checkpoint_steps": 1,
    "hardware.num_nodes": 1,
    "hardware.threads": 1,
}
_SHARES = ("data.validation", "data.test", "co_training.label_smoothing", "ema")
_PROBABILITIES = ("views.erasing",)


def check_numbers(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first setting, by dotted name, that is NaN or out of its range."""
    for name, value in settings.items():
        numbers = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            raise ConfigError(f"{name}={value} is not finite: give finite numbers")
    for name, least in _AT_LEAST.items():
        value = settings[name]
        if value is not None and value < least:
            raise ConfigError(f"{name}={value} is below {least}: give at least {least}")
    for name in _SHARES:
        value = settings[name]
        if isinstance(value, float | int) and not 0 <= value < 1:
            raise ConfigError(f"{name}={value} is not in [0, 1): give a share below 1")
    for name in _PROBABILITIES:
        if not 0 <= settings[name] <= 1:
            raise ConfigError(f"{name}={settings[name]} is not a probability: give 0 to 1")
