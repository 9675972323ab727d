"""How S networks run at once: strategies behind one interface, measured, chosen, honest."""

from cotrain.execution.acceleration import Acceleration
from cotrain.execution.auto.choosing import Choice, choose
from cotrain.execution.execution import Execution, NetworkError
from cotrain.execution.prepare import prepare
from cotrain.execution.training import TrainingExecution, prepare_training

__all__ = [
    "Acceleration",
    "Choice",
    "Execution",
    "NetworkError",
    "TrainingExecution",
    "choose",
    "prepare",
    "prepare_training",
]
