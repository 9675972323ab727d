"""Hardware that is not there, or cannot do what is asked, is one line that leaves no folder."""

from inspect import signature

import pytest
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch.nn.parallel import DistributedDataParallel
from training_runs import tiny

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.training import fit
from cotrain.training.trainer import _advise, build_trainer


@pytest.mark.parametrize(
    ("hardware", "message"),
    [
        ({"devices": -1}, r"^hardware\.accelerator=cpu, hardware\.devices=-1: .*int > 0: change"),
        ({"devices": "a b"}, r"hardware\.devices=a b: "),
        ({"devices": [0, 1]}, r"hardware\.devices=\[0, 1\]: "),
        ({"devices": 0}, r"hardware\.devices=0: "),
        ({"accelerator": "tpu"}, r"^hardware\.accelerator=tpu: .* not met"),
        ({"accelerator": "fast"}, r"^hardware\.accelerator=fast: "),
        ({"strategy": "xla"}, r"hardware\.strategy=xla: "),
        ({"strategy": "fast"}, r"hardware\.strategy=fast: "),
        ({"num_nodes": 2}, r"^hardware\.num_nodes=2 waits for machines .* or set MASTER_ADDR"),
        ({"precision": "16-mixed"}, r"^hardware\.precision=16-mixed is not possible on a CPU"),
        ({"network_parallel": 2}, r"network_parallel=2 needs a multiple of 2 processes, not 1: "),
        ({"network_parallel": 3}, r"network_parallel=3 is more than .* give at most 2$"),
        (
            {"network_parallel": 2, "devices": 2, "strategy": "ddp", "sync_batch_norm": True},
            r"sync_batch_norm=true does not go with hardware\.network_parallel=2, ",
        ),
        (
            {"devices": 2, "strategy": "ddp_fork", "sync_batch_norm": True},
            r"^hardware\.sync_batch_norm=true works on GPUs alone .*: leave it out$",
        ),
        (
            {"network_parallel": 2, "devices": 3},
            r"network_parallel=2 needs a multiple of 2 processes, not 3: .*hardware\.devices=2",
        ),
    ],
)
def test_impossible_hardware_is_refused(tmp_path, monkeypatch, hardware, message):
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(ConfigError, match=message) as caught:
        fit(tiny(hardware=hardware), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": {"name": "kron"}}, "optimizer.name=kron compiles code"),
        ({"optimizer": {"name": "adahessian"}}, "needs second derivatives"),
        ({"optimizer": {"options": {"betas": [0.9, 0.9]}}}, "betas"),
        ({"views": {"padding": 9}}, "views.padding=9 is more than an image of 8 pixels"),
        ({"early_stopping": 1}, "early_stopping=1 needs a validation"),
        ({"inherit": "nowhere"}, "nowhere is not an ensemble"),
    ],
)
def test_a_refused_run_leaves_no_folder(tmp_path, settings, message):
    with pytest.raises(ConfigError) as caught:
        fit(tiny(**settings), tmp_path / "deep" / "run")
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_processes_send_no_buffers_and_wait_for_no_signal_of_lightnings(tmp_path):
    """What two processes would do in every step beside averaging gradients."""
    experiment = tiny(hardware={"devices": 2, "strategy": "ddp_fork"})
    folder = RunFolder(tmp_path)
    trainer = build_trainer(experiment, folder, validates=False, resumed_step=None, progress=False)
    assert isinstance(trainer.strategy, DDPStrategy)
    options = dict(trainer.strategy._ddp_kwargs)
    assert options.pop("gradient_as_bucket_view") is True
    torch_2_14 = "forward_sync_buffers" in signature(DistributedDataParallel).parameters
    assert options.pop("forward_sync_buffers" if torch_2_14 else "broadcast_buffers") is False
    assert trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor() is None


def test_freezing_is_refused_on_several_devices(tmp_path):
    """Their averaging would leave out what was frozen when it began."""
    experiment = tiny(
        hardware={"devices": 2, "strategy": "ddp_fork"},
        inherit="runs/large",
        fine_tuning={"frozen_epochs": 1},
    )
    folder = RunFolder(tmp_path)
    with pytest.raises(ConfigError, match=r"frozen_epochs=1 works on one device, not 2: give"):
        build_trainer(experiment, folder, validates=False, resumed_step=None, progress=False)


@pytest.mark.parametrize(
    ("precision", "clip", "device", "has_bf16", "said"),
    [
        ("16-mixed", 1.0, "cuda", True, True),
        ("16-mixed", None, "cuda", True, False),  # one kernel looks for overflows itself
        ("16-mixed", 1.0, "cuda", False, False),
        ("bf16-mixed", 1.0, "cuda", True, False),
        ("32-true", 1.0, "cpu", True, False),
    ],
)
def test_what_waits_in_every_step_is_said(
    capsys, monkeypatch, precision, clip, device, has_bf16, said
):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: has_bf16)
    experiment = tiny(hardware={"precision": precision}, optimizer={"clip": clip})
    _advise(experiment, torch.device(device), 1)
    assert ("this GPU has bf16-mixed" in capsys.readouterr().out) is said


@pytest.mark.parametrize(
    ("settings", "device", "processes", "said"),
    [
        ({}, "cuda", 1, True),
        ({}, "cuda", 2, False),
        ({}, "cpu", 1, False),
        ({"hardware": {"execution": "streams"}}, "cuda", 1, False),
        ({"co_training": {"together": False}}, "cuda", 1, False),
    ],
)
def test_that_a_gpu_has_faster_ways_than_the_loop_is_said(
    capsys, monkeypatch, settings, device, processes, said
):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    _advise(tiny(**settings), torch.device(device), processes)
    assert ("auto measures what is faster on this GPU" in capsys.readouterr().out) is said
