"""Which images the large network and the divided one answer otherwise, against a count by hand."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import one_hot
from training_runs import tiny

from cotrain import divide
from cotrain.basics.run_folder import RunFolder
from cotrain.networks.registry import named_spec
from cotrain.report.page.answered import Answered, TrainedRun
from cotrain.report.page.disputes import disputes

SPEC = named_spec("basic_resnet8_4", num_classes=2, image_size=8)
# Of five images: which each of three seeds answers right.
LARGE = ([1, 1, 0, 0, 1], [1, 0, 0, 1, 1], [1, 1, 0, 0, 0])
DIVIDED = ([1, 0, 1, 1, 1], [1, 0, 1, 1, 0], [1, 1, 1, 0, 1])


def answered(into: int, right: list[int], seed: int, folder: Path) -> Answered:
    targets = torch.tensor([0, 1, 0, 1, 0])
    labels = torch.where(torch.tensor(right).bool(), targets, 1 - targets)
    return Answered(
        ensemble=divide(SPEC, into),
        logits=(4.0 * one_hot(labels)).expand(into, -1, -1),
        targets=targets,
        dataset="digits",
        tested_on="test",
        run=TrainedRun(folder=RunFolder(folder), experiment=tiny(into=into, seed=seed)),
    )


@pytest.fixture
def runs(tmp_path) -> dict[str, list[Answered]]:
    return {
        "S=1": [answered(1, right, seed, tmp_path) for seed, right in enumerate(LARGE)],
        "S=2": [answered(2, right, seed, tmp_path) for seed, right in enumerate(DIVIDED)],
        "S=4": [answered(2, LARGE[2], 0, tmp_path)],
        "S=2 independent": [answered(2, [1] * 5, 0, tmp_path)],
    }


def test_those_that_most_seeds_answer_otherwise_are_counted(runs):
    section = disputes(runs)
    assert section is not None
    counted, gone = section.says
    # Image 1: 2 of 3 against 1 of 3; image 2: 0 of 3 against 3 of 3; image 3: 1 of 3 against 2.
    assert counted == (
        "Of 5 test images S=1, the large network, alone answers 1 right, and S=2 alone 2, in more "
        "than half of the seeds."
    )
    assert "cannot be shown" in gone


def test_the_clearest_come_first_with_the_votes_of_every_seed(runs, monkeypatch):
    shown = []
    monkeypatch.setattr("cotrain.report.page.disputes._images", lambda run: run)
    monkeypatch.setattr(
        "cotrain.report.page.disputes.exhibit_of", lambda *words: shown.append(words)
    )
    disputes(runs)
    assert [(place, truth) for _, place, truth, *_ in shown] == [(1, 1), (2, 0), (3, 1)]
    heard = shown[1][-1]
    assert [voter for voter, _ in heard] == [
        *(f"S=1, seed {seed}" for seed in range(3)),
        *(f"S=2, seed {seed}" for seed in range(3)),
    ]
    assert [int(log_p.argmax()) for _, log_p in heard] == [1, 1, 1, 0, 0, 0]


def test_without_a_large_or_a_divided_network_there_is_nothing_to_dispute(runs):
    assert disputes({"S=2": runs["S=2"]}) is None
    assert disputes({name: runs[name] for name in ("S=1", "S=2 independent")}) is None


def test_networks_whose_weight_a_sweep_names_too_are_the_same(runs):
    runs["S=2, weight 0.5"] = runs.pop("S=2")
    runs["S=2 independent, weight 0"] = runs.pop("S=2 independent")
    section = disputes(runs)
    assert section is not None
    assert "alone answers 1 right, and S=2, weight 0.5 alone 2, in more" in section.says[0]
