"""Settings: frozen records with their bounds, and the facts of the named data sets."""

from cotrain.config.data import Data, Views
from cotrain.config.dividing import DivideOptions
from cotrain.config.experiment import Experiment, flat_settings
from cotrain.config.export import ExportOptions
from cotrain.config.fine_tuning import FineTuning
from cotrain.config.limits import check_settings
from cotrain.config.training import (
    CoTrainingOptions,
    Hardware,
    Optimizer,
    Schedule,
    Teacher,
    Weights,
)

__all__ = [
    "CoTrainingOptions",
    "Data",
    "DivideOptions",
    "Experiment",
    "ExportOptions",
    "FineTuning",
    "Hardware",
    "Optimizer",
    "Schedule",
    "Teacher",
    "Views",
    "Weights",
    "check_settings",
    "flat_settings",
]
