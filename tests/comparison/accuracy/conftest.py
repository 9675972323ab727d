"""Comparisons that train without processes of their own."""

import pytest


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are trained one after the other."""

    def train_all(runs, *, train, workers, done):
        for run in runs:
            split_of = run.split_of
            train(run.experiment, run.folder.root, resume=False, progress=False, split_of=split_of)
            done(run)

    monkeypatch.setattr("cotrain.comparison.accuracy.all_runs.train_all", train_all)
