"""Divide a network into S small ones of the same cost, co-train them, answer with their average."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cotrain.basics.errors import ConfigError, CotrainError, TrainingError
from cotrain.basics.machine import __version__
from cotrain.basics.moved import find_moved_modules

if TYPE_CHECKING:
    from cotrain.ensemble import CoTrainingLoss, Ensemble, assemble, divide
    from cotrain.export import open_answering as load
    from cotrain.networks import register_builder

__all__ = [
    "CoTrainingLoss",
    "ConfigError",
    "CotrainError",
    "Ensemble",
    "TrainingError",
    "__version__",
    "assemble",
    "divide",
    "load",
    "register_builder",
]

# Imported when it is asked for: torch takes seconds, and `cotrain --help` needs none of it.
_HOMES = {
    "CoTrainingLoss": "cotrain.ensemble.CoTrainingLoss",
    "Ensemble": "cotrain.ensemble.Ensemble",
    "assemble": "cotrain.ensemble.assemble",
    "divide": "cotrain.ensemble.divide",
    "load": "cotrain.export.open_answering",
    "register_builder": "cotrain.networks.register_builder",
}
_ROOMS = ("config", "dividing", "ensemble", "execution", "networks")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module, _, its_name = _HOMES[name].rpartition(".")
        return getattr(import_module(module), its_name)
    if name in _ROOMS:
        return import_module(f"cotrain.{name}")
    raise AttributeError(f"module 'cotrain' has no attribute {name!r}")


find_moved_modules()
