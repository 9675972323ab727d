"""On a GPU: what trains, goes on, answers and is compared there, and that nothing is warned of."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from command import call
from image_folders import noise
from training_runs import cut_and_resumed, final_weights, read_metrics, same, tiny

from cotrain.training import fit

pytestmark = pytest.mark.gpu

GPU: dict[str, Any] = {"accelerator": "gpu", "devices": 1}
# Everything that happens beside a step; the last batch of an epoch is smaller.
ALL: dict[str, Any] = {
    "views": {"mixup": 0.2, "erasing": 0.5, "policy": "autoaugment-cifar10"},
    "data": {"validation": 0.2, "image_size": 32, "in_channels": 3},
    "ema": 0.9,
    "optimizer": {"accumulate": 2, "clip": 1.0},
    "co_training": {"label_smoothing": 0.1},
}


def finite(run: Path) -> bool:
    return all(each.isfinite().all() for each in final_weights(run).values())


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("execution", ["loop", "streams", "cuda_graphs", "auto"])
def test_every_way_trains_with_everything_on(tmp_path, precision, execution) -> None:
    hardware = {**GPU, "precision": precision, "execution": execution, "channels_last": True}
    result = fit(tiny(**ALL, hardware=hardware), tmp_path / "run", progress=False)
    assert result.evaluation is not None
    assert finite(tmp_path / "run")


@pytest.mark.parametrize("execution", ["streams", "cuda_graphs"])
def test_losses_are_those_of_the_loop(tmp_path, execution) -> None:
    losses = []
    for name in ("loop", execution):
        experiment = tiny(hardware={**GPU, "execution": name}, optimizer={"lr": 0.01})
        fit(experiment, tmp_path / name, progress=False)
        losses.append([row["train_loss"] for row in read_metrics(tmp_path / name)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_compiled_networks_train_as_graphs(tmp_path) -> None:
    hardware = {**GPU, "compile": True, "execution": "cuda_graphs", "precision": "bf16-mixed"}
    fit(tiny(hardware=hardware), tmp_path / "run", progress=False)
    assert finite(tmp_path / "run")


def test_one_process_of_several_trains(tmp_path) -> None:
    """As the first of many: gradients are averaged in the stream that made them."""
    fit(tiny(hardware={**GPU, "strategy": "ddp"}, ema=0.9), tmp_path / "run", progress=False)
    assert finite(tmp_path / "run")


@pytest.fixture
def deterministic(monkeypatch) -> None:
    """Without it the order of sums in cuDNN differs from run to run."""
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("execution", ["loop", "cuda_graphs"])
def test_a_resumed_run_ends_as_one_that_was_not_stopped(tmp_path, monkeypatch, execution) -> None:
    experiment = tiny(hardware={**GPU, "execution": execution}, checkpoint_steps=2, ema=0.9)
    for name in ("whole", "again"):
        fit(experiment, tmp_path / name, progress=False)
    whole = final_weights(tmp_path / "whole")
    assert same(final_weights(tmp_path / "again"), whole), "two runs differ"
    assert same(cut_and_resumed(experiment, tmp_path / "cut", monkeypatch, step=3), whole)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("gpu") / "run"
    fit(tiny(hardware=GPU), folder, progress=False)
    return folder


@pytest.mark.parametrize("options", [(), ("--dtype", "bf16")])
def test_a_run_is_evaluated_there(trained, options: tuple[str, ...]) -> None:
    code, out, err = call("evaluate", trained, "--device", "cuda", *options)
    assert code == 0, err
    assert "top-1" in out


def test_files_are_predicted_there(trained, tmp_path) -> None:
    (tmp_path / "images").mkdir()
    for index in range(3):
        noise(index).save(tmp_path / "images" / f"{index}.png")
    words = ("predict", trained, tmp_path / "images", "--output", tmp_path / "found.csv")
    code, _, err = call(*words, "--device", "cuda")
    assert code == 0, err
    with (tmp_path / "found.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3


def test_candidates_are_compared_there(tmp_path) -> None:
    words = ("--config", "digits", "--network", "basic_resnet8_4", "--into", "1,2")
    images = (
        "--seeds",
        "0,1",
        "--data.train_images",
        "80",
        "--data.test_images",
        "50",
        "--epochs",
        "1",
    )
    folder = tmp_path / "compared"
    code, _, err = call("compare", *words, *images, "--jobs", "2", "--output", folder)
    assert code == 0, err
    assert (folder / "comparison.json").is_file()
