"""Two processes over gloo: what one of them notes is known to both, in the next step."""

import multiprocessing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist

from cotrain.basics.files import write_json
from cotrain.basics.reading import read_json
from cotrain.ensemble.losses import CoTrainingLossTerms
from cotrain.training.finite import NotFiniteError, StepGuard
from cotrain.training.late import Late
from cotrain.training.signals import Signals

WORLD, STEPS, AT = 2, 5, 2


def process(rank: int, folder: Path) -> None:
    """Steps whose loss is infinite at one of them in one process, where a signal comes too."""
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=WORLD)
    trainer: Any = SimpleNamespace(
        world_size=WORLD, strategy=SimpleNamespace(root_device=torch.device("cpu"))
    )
    signals, found = Signals(), {"signals": [], "error": None}
    for step in range(STEPS):
        signals.number = 15 if (rank, step) == (1, AT) else 0
        found["signals"].append(signals.received(trainer))
    guard = StepGuard(torch.nn.BatchNorm1d(1), skip=False)
    for step in range(STEPS):
        total = torch.tensor(torch.inf if (rank, step) == (1, AT) else 1.0 + rank)
        terms = CoTrainingLossTerms(
            total=total, cross_entropy=total + 1, divergence=torch.tensor(0.5)
        )
        try:
            guard.accepts(terms, step=step, epoch=0)
        except NotFiniteError as error:
            found["error"] = f"in step {step}: {error}"
            break
    write_json(folder / f"{rank}.json", found)
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("gloo")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cotrain.training"])
    processes = [context.Process(target=process, args=(rank, folder)) for rank in range(WORLD)]
    for each in processes:
        each.start()
    for each in processes:
        each.join(60)
    return [read_json(folder / f"{rank}.json") for rank in range(WORLD)]


def test_a_signal_to_one_process_reaches_both_in_the_next_step(found: list[Any]) -> None:
    assert [each["signals"] for each in found] == [[0, 0, 0, 15, 0]] * 2


def test_an_infinite_loss_of_one_process_ends_both_in_the_next_step(found: list[Any]) -> None:
    message = "in step 3: the loss of step 2 (epoch 0) is not finite: cross-entropy"
    assert found[0]["error"] == f"{message} 2.0, divergence 0.5"
    assert found[1]["error"] == f"{message} inf, divergence 0.5"


def test_alone_and_on_the_cpu_numbers_are_there_at_once() -> None:
    late = Late(torch.tensor([1.0, 2.5]), shared=1)
    assert not late.waits
    assert late.numbers() == [1.0, 2.5]


def test_one_process_obeys_its_signal_at_once() -> None:
    signals, trainer = Signals(), SimpleNamespace(world_size=1)
    signals.number = 15
    assert signals.received(trainer) == 15  # type: ignore[arg-type]
