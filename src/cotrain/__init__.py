"""Divide a network into S small ones of the same cost, co-train them, answer with their average."""

from cotrain.ensemble import Ensemble
from cotrain.errors import ConfigError, CotrainError, TrainingError
from cotrain.losses import CoTrainingLoss
from cotrain.making import divide
from cotrain.networks import register_builder

__version__ = "0.1.0"

__all__ = [
    "CoTrainingLoss",
    "ConfigError",
    "CotrainError",
    "Ensemble",
    "TrainingError",
    "divide",
    "register_builder",
]
