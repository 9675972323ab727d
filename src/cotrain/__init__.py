"""Divide a network into S small ones of the same cost, co-train them, answer with their average."""

from cotrain.basics.errors import ConfigError, CotrainError, TrainingError
from cotrain.basics.machine import __version__ as __version__
from cotrain.ensemble.divide import divide
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.losses import CoTrainingLoss
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
