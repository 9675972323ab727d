"""Two processes that train one ensemble, against one process that averages their gradients."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from of_networks import gradient_of
from own_processes import exit_code_of
from training_runs import final_weights, read_metrics, same, tiny

from cotrain.basics.errors import TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.config.recipes import dump_experiment
from cotrain.data import Share, load_splits
from cotrain.ensemble.divide import divide
from cotrain.ensemble.losses import CoTrainingLoss
from cotrain.networks import spec_for_images
from cotrain.training.datamodule import Loaders

EXPERIMENT = tiny(
    batch_size=8,
    data={"validation": 0.2},
    co_training={"ramp_epochs": 0.0},
    hardware={"devices": 2, "strategy": "ddp_fork"},
)


def train(folder: Path, resume: bool, fail_on: int | None) -> None:
    from cotrain.training import CoTraining, fit

    if fail_on is not None:
        step = CoTraining.training_step

        def failing(self, batch, batch_idx):
            if self.global_rank == fail_on and self.current_epoch == 1:
                batch = batch._replace(images=batch.images * torch.nan)
            return step(self, batch, batch_idx)

        CoTraining.training_step = failing
    try:
        fit(EXPERIMENT, folder, resume=resume, progress=False)
    except TrainingError as error:
        (folder / "error.txt").write_text(str(error))
        raise SystemExit(error.exit_code) from None


def run(folder: Path, *, resume: bool = False, fail_on: int | None = None) -> int:
    return exit_code_of(train, folder, resume, fail_on)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed") / "run"
    assert run(folder) == 0
    return folder


def loaders(splits) -> list:
    return [Loaders(EXPERIMENT, splits).training(Share(rank, 2)) for rank in range(2)]


def test_processes_see_disjoint_halves() -> None:
    first, second = (
        {i for key in each.sampler for i in key.indices}
        for each in loaders(load_splits(EXPERIMENT.data))
    )
    assert len(first) == len(second) == 32
    assert not first & second


def test_equals_averaged_gradients(trained: Path) -> None:
    large = spec_for_images(EXPERIMENT.network, num_classes=10, in_channels=1, image_size=8)
    replicas = [divide(large, 2, seed=0) for _ in range(2)]
    parameters = list(replicas[0].parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 5e-4},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    ranks, step = loaders(load_splits(EXPERIMENT.data)), 0
    for epoch in range(2):
        for loader in ranks:
            loader.sampler.set_epoch(epoch)
        for batches in zip(*ranks, strict=True):
            replicas[1].load_state_dict(replicas[0].state_dict())
            for replica, (images, targets) in zip(replicas, batches, strict=True):
                replica.zero_grad()
                CoTrainingLoss()(replica(images), targets, weight=0.5).total.backward()
            for own, other in zip(parameters, replicas[1].parameters(), strict=True):
                own.grad = (gradient_of(own) + gradient_of(other)) / 2
            for group in optimizer.param_groups:
                group["lr"] = 0.1 * 0.5 * (1 + math.cos(math.pi * step / 8))
            optimizer.step()
            step += 1
    assert step == 8
    for name, value in final_weights(trained).items():
        expected = replicas[0].state_dict()[name.removeprefix("ensemble.")]
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)


def test_metrics_count_the_images_of_both(trained: Path) -> None:
    rows = read_metrics(trained)
    assert [row["step"] for row in rows] == [4, 8]
    for row in rows:  # 64 training and 16 validation images
        assert (row["train_accuracy_0"] * 64).is_integer()
        assert (row["val_accuracy_1"] * 16).is_integer()
    assert RunFolder(trained).evaluation.exists()


def test_one_failing_process_ends_both_and_resumes(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert run(folder, fail_on=1) == 2
    assert "the loss of step 4 (epoch 1) is not finite" in (folder / "error.txt").read_text()
    assert run(folder, resume=True) == 0
    assert same(final_weights(folder), final_weights(trained))


def test_command_starts_its_own_processes(trained: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(dump_experiment(EXPERIMENT))
    command = [sys.executable, "-m", "cotrain", "train", "--config", recipe]
    options = ["--output", tmp_path / "run", "--hardware.strategy=ddp", "--progress=false"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ensemble:") == 1
    assert same(final_weights(tmp_path / "run"), final_weights(trained))
    assert (
        RunFolder(tmp_path / "run").metrics.read_bytes() == RunFolder(trained).metrics.read_bytes()
    )


FAULTY = """
import os, signal
from cotrain.cli.command import main
from cotrain.training import CoTraining

step = CoTraining.training_step

def failing(self, batch, batch_idx):
    if (self.global_rank, self.current_epoch, batch_idx) == (1, 1, 2):
        if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, batch_idx)

CoTraining.training_step = failing
main()
"""


def test_torchrun_starts_again_what_was_lost(trained: Path, tmp_path: Path) -> None:
    recipe, script, run = (tmp_path / name for name in ("recipe.yaml", "faulty.py", "run"))
    hardware = replace(EXPERIMENT.hardware, strategy="ddp")
    recipe.write_text(dump_experiment(replace(EXPERIMENT, hardware=hardware, checkpoint_steps=1)))
    script.write_text(FAULTY)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [script, "train", "--config", recipe, "--output", run, "--progress=false"]
    done = subprocess.run(
        [*torchrun, "--max-restarts=1", "--monitor-interval=0.2", *command],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "already holds a run" not in done.stderr
    assert same(final_weights(run), final_weights(trained))
    assert not (run / "run.lock").exists()
    # Both have answered the 7 batches of test images, which one process did there.
    one, both = RunFolder(trained).predictions, RunFolder(run).predictions
    assert one.read_bytes() == both.read_bytes()
    assert RunFolder(trained).evaluation.read_bytes() == RunFolder(run).evaluation.read_bytes()


DIFFERING = """
import os, sys
from cotrain.cli.command import main

main([*sys.argv[1:], "--seed", os.environ["RANK"]])
"""


def test_processes_that_are_told_something_else_end_before_they_train(tmp_path: Path) -> None:
    recipe, script, run = (tmp_path / name for name in ("recipe.yaml", "differing.py", "run"))
    hardware = replace(EXPERIMENT.hardware, strategy="ddp")
    recipe.write_text(dump_experiment(replace(EXPERIMENT, hardware=hardware)))
    script.write_text(DIFFERING)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [script, "train", "--config", recipe, "--output", run, "--progress=false"]
    done = subprocess.run([*torchrun, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    told = "cotrain: process 1 has seed=1, and process 0 0: start every process with the same"
    assert done.stderr.count(told) >= 1
    assert not run.exists()
