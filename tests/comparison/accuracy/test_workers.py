"""The processes of a comparison: each sees one GPU."""

import os
import time

import torch
from side_runs import make_run

from cotrain.comparison.accuracy.trainings import train_all
from cotrain.comparison.accuracy.workers import RunProcesses, visible_gpus
from cotrain.config.recipes import dump_experiment


def notes_its_gpu(experiment, output, *, resume, progress, split_of):
    output.mkdir()
    while len(list(output.parent.iterdir())) < 2:  # both workers are at work
        time.sleep(0.01)
    (output / "gpu").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    (output / "config.yaml").write_text(dump_experiment(experiment))
    (output / "evaluation.json").touch()


def test_each_worker_sees_one_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,9")
    runs = [make_run(tmp_path, seed) for seed in range(2)]
    workers = RunProcesses(2, threads=1)
    train_all(runs, train=notes_its_gpu, workers=workers, done=lambda _: None)
    assert {(run.folder.root / "gpu").read_text() for run in runs} == {"5", "7"}


def test_gpus_are_named_as_this_process_sees_them(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert visible_gpus() == ["0", "1", "2"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert visible_gpus() == []
