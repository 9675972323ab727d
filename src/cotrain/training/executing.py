"""How the S networks of a run are run at once: as its settings say, or as measured."""

import torch

from cotrain.config import Experiment
from cotrain.ensemble import Ensemble
from cotrain.execution import TrainingExecution, choose, prepare_training


def training_execution(
    experiment: Experiment, ensemble: Ensemble, device: torch.device
) -> TrainingExecution:
    """The ensemble's networks, prepared to train where they are.

    Raises:
        ConfigError: A strategy that networks or hardware do not allow.
    """
    strategy = experiment.hardware.execution
    if strategy == "auto":
        shape = (experiment.into, experiment.batch_size, *ensemble.image_shape)
        choice = choose(ensemble, shape, device=device, training=True)
        print(f"cotrain: hardware.execution=auto: {choice.reason}")
        strategy = choice.strategy
    return prepare_training(ensemble, strategy)
