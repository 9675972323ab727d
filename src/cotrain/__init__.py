"""Divide a network into S small ones of the same cost, co-train them, answer with their average."""

from cotrain.basics.errors import ConfigError, CotrainError, TrainingError
from cotrain.basics.machine import __version__
from cotrain.basics.moved import find_moved_modules
from cotrain.ensemble import CoTrainingLoss, Ensemble, divide
from cotrain.networks import register_builder

__all__ = [
    "CoTrainingLoss",
    "ConfigError",
    "CotrainError",
    "Ensemble",
    "TrainingError",
    "__version__",
    "divide",
    "register_builder",
]

find_moved_modules()
