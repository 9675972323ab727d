"""Options of networks and optimizers are plain values under names of their own."""

import pytest
import torch

from cotrain import ConfigError
from cotrain.config import Experiment, Optimizer
from cotrain.config.options import check_network_options


def test_plain_options_are_kept():
    options = {"drop_path_rate": 0.1, "depths": [3, 3], "act": "relu", "stem": {"bias": True}}
    assert Experiment(network_options=options).network_options == options
    assert Experiment(optimizer=Optimizer(options={"betas": (0.9, 0.95)})).optimizer.options


CODE = {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "canary"]}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": CODE}, "x.class_path names code to run, which is refused: give plain values"),
        ({"x": [{"y": CODE}]}, "x.y.class_path names code to run, which is refused"),
        ({3: 4}, "has the key 3: give text as keys"),
        ({"x": float("nan")}, "x=nan is not finite: give finite numbers"),
        ({"layer": torch.nn.LayerNorm}, "layer is a type: give numbers, text, lists or maps"),
    ],
)
def test_others_are_named(options, message):
    for make in (
        lambda: Experiment(network_options=options),
        lambda: Experiment(optimizer=Optimizer(options=options)),
        lambda: check_network_options(options),
    ):
        with pytest.raises(ConfigError) as caught:
            make()
        assert str(caught.value).startswith(("network_options", "optimizer.options"))
        assert message in str(caught.value)


@pytest.mark.parametrize("name", ["num_classes", "image_size", "in_channels", "arch", "dataset"])
def test_what_is_said_elsewhere_is_no_option(name):
    with pytest.raises(ConfigError, match=rf"^network_options\.{name}=5: {name} is no option"):
        check_network_options({name: 5})
