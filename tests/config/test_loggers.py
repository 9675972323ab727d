"""Names of loggers are known, each once."""

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment
from cotrain.config.loggers import chosen_loggers


def test_several_are_parted_by_commas():
    assert chosen_loggers("tensorboard") == ("tensorboard",)
    assert chosen_loggers("csv, wandb") == ("csv", "wandb")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "tensorbord",
            "logger=tensorbord: 'tensorbord' is none of tensorboard, csv, wandb, mlflow",
        ),
        ("", "logger=: '' is none of"),
        ("csv,csv", "logger=csv,csv names one twice: give each once"),
    ],
)
def test_others_are_refused(text, message):
    with pytest.raises(ConfigError) as error:
        Experiment(logger=text)
    assert message in str(error.value)
