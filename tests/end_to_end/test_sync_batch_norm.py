"""BatchNorm over the batches of two processes, against one process that has both batches.

Torch's SyncBatchNorm computes on GPUs alone: here its formula stands in for it, so that all that is
ours around it is tried.
"""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from own_processes import exit_code_of
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from training_runs import KilledError, final_state, tiny

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.config import Experiment

PLAIN = {
    "crop": "none",
    "padding": 4,
    "flip": False,
}  # what is drawn is drawn for a batch of a process


def on(processes: int, **settings) -> Experiment:
    hardware = {"precision": "64-true", "sync_batch_norm": True, "devices": processes}
    hardware |= {"strategy": "ddp_fork"} if processes > 1 else {}
    settings = {"views": PLAIN, "batch_size": 16 // processes, "ema": 0.9} | settings
    return tiny(hardware=hardware, optimizer={"clip": 1.0}, **settings)


class Sum(torch.autograd.Function):
    """Over all processes, as are the gradients of it."""

    @staticmethod
    def forward(ctx, own: Tensor) -> Tensor:
        return total(own)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> Tensor:
        return total(gradients[0])


def total(own: Tensor) -> Tensor:
    summed = own.clone()
    dist.all_reduce(summed)
    return summed


def formula(self: nn.SyncBatchNorm, input: Tensor) -> Tensor:
    """Mean and variance of the images of all processes, through which gradients flow to each."""
    if not self.training:
        return nn.BatchNorm2d.forward(self, input)  # type: ignore[arg-type]
    assert self.running_mean is not None
    assert self.running_var is not None
    assert self.num_batches_tracked is not None
    assert self.momentum is not None
    count = input.numel() // input.shape[1] * dist.get_world_size()
    sums = torch.stack([input.sum((0, 2, 3)), input.square().sum((0, 2, 3))])
    mean, squares = Sum.apply(sums) / count
    variance = squares - mean.square()
    with torch.no_grad():
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)
    scale = self.weight * (variance + self.eps).rsqrt()
    shift = self.bias - mean * scale
    return input * scale[:, None, None] + shift[:, None, None]


def train(experiment: Experiment, folder: Path, resume: bool, stop: int | None) -> None:
    from cotrain.training import CoTraining, batch_norm, fit

    step = CoTraining.training_step

    def stopping(self, batch, batch_idx):
        layers = sum(isinstance(each, nn.SyncBatchNorm) for each in self.modules())
        assert bool(layers) is (experiment.hardware.devices != 1)
        if (self.current_epoch, batch_idx) == (1, stop):
            raise KilledError
        return step(self, batch, batch_idx)

    CoTraining.training_step = stopping
    nn.SyncBatchNorm.forward = formula
    # Torch and we would refuse a CPU.
    DistributedDataParallel._passing_sync_batchnorm_handle = lambda self, module: None
    batch_norm.CPUAccelerator = type(None)  # type: ignore[misc]
    try:
        fit(experiment, folder, resume=resume, progress=False)
    except (ConfigError, TrainingError) as error:
        (folder / "error.txt").write_text(str(error))
        raise SystemExit(2) from None


def run(experiment: Experiment, folder: Path, resume: bool = False, stop: int | None = None) -> int:
    return exit_code_of(train, experiment, folder, resume, stop)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together") / "run"
    assert run(on(2), folder) == 0
    return folder


def check_same(folder: Path, other: Path) -> None:
    """Weights, their averages, and BatchNorm's statistics."""
    found, expected = (final_state(each)["state_dict"] for each in (folder, other))
    assert found.keys() == expected.keys()
    assert any(name.endswith("running_var") for name in found)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)


def test_two_processes_are_one_that_has_their_batches(together: Path, tmp_path: Path) -> None:
    assert run(on(1), tmp_path / "run") == 0
    check_same(together, tmp_path / "run")


def test_it_goes_on_with_as_many_processes_alone(together: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert run(on(2, checkpoint_steps=1), folder, stop=2) == 2
    alone = on(1, checkpoint_steps=1, batch_size=8)
    assert run(alone, folder, resume=True) == 2
    said = (folder / "error.txt").read_text()
    assert said.endswith("batches of 2 at once: go on with 2 processes (hardware.devices)")
    assert run(on(2, checkpoint_steps=1), folder, resume=True) == 0
    check_same(folder, together)
