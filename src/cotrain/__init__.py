"""Divide a network into S small ones of the same cost, co-train them, answer with their average."""

from cotrain.basics.errors import ConfigError, CotrainError, TrainingError
from cotrain.basics.machine import __version__ as __version__
from cotrain.ensemble import Ensemble
from cotrain.losses import CoTrainingLoss
from cotrain.making import divide
from cotrain.networks import register_builder

__all__ = [
    "CoTrainingLoss",
    "ConfigError",
    "CotrainError",
    "Ensemble",
    "TrainingError",
    "divide",
    "register_builder",
]
