"""Options for other libraries' networks and optimizers: plain values, under names of their own."""

from collections.abc import Mapping
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.plain import check_plain

# What a network is asked for by beside its options.
_SAID_ELSEWHERE = ("arch", "dataset", "variant", "num_classes", "in_channels", "image_size")


def check_network_options(options: Mapping[str, object]) -> None:
    """Raise ConfigError unless the options are plain, and none is said elsewhere."""
    check_options("network_options", options)
    for key in _SAID_ELSEWHERE:
        if key in options:
            raise ConfigError(
                f"network_options.{key}={options[key]!r}: {key} is no option but a setting of "
                "its own: give it there, or leave it to the data"
            )


def check_options(name: str, options: Mapping[Any, object]) -> None:
    """Raise ConfigError unless the options are a map of plain values by text."""
    check_plain(options, name)
    for key in options:
        if not isinstance(key, str):
            raise ConfigError(f"{name} has the key {key!r}: give text as keys")
