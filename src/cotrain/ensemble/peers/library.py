"""torch-uncertainty, whose layers peers are made of; an extra, as it brings a Lightning of its own.

Its routines are not used: they are modules of the package ``lightning``, which our Trainer refuses,
and have schedules and loaders of their own, where peers are to be trained as the networks are that
they are compared with.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from cotrain.basics.errors import ConfigError


def check_installed(peer: str) -> None:
    """Raise ConfigError where the extra is missing; nothing is imported, which takes seconds."""
    for name in ("torch_uncertainty", "lightning"):
        if find_spec(name) is None:
            raise ConfigError(
                f"peer={peer} needs {name}, which is not installed: pip install 'cotrain[peers]'"
            )


def of_library(module: str, peer: str) -> ModuleType:
    """A module of torch-uncertainty, such as ``layers``.

    Raises:
        ConfigError: It is not installed.
    """
    check_installed(peer)
    # Its Lightning makes itself the one by which all Lightnings speak, also where ours is quiet.
    from lightning_utilities.core import rank_zero

    speaker = rank_zero.log
    try:
        return import_module(f"torch_uncertainty.{module}")
    finally:
        rank_zero.log = speaker
