"""Training on the Lightning Trainer; the only package that imports pytorch_lightning."""

from cotrain.training.fit import RunResult, fit
from cotrain.training.module import CoTraining

__all__ = ["CoTraining", "RunResult", "fit"]
