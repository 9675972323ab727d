"""Networks trained apart, each in a process: one that is stopped or killed holds up no other."""

import os
import signal
import time
from pathlib import Path

import pytest
from own_processes import clean_processes
from training_runs import read_metrics, tiny

from cotrain.basics.run_folder import RunFolder
from cotrain.training import fit

EPOCHS = 20


def train(folder: Path, number: int, resume: bool = False) -> None:
    options = {"member": number, "exchange_steps": 1, "ramp_epochs": 0.0}
    experiment = tiny(co_training=options, epochs=EPOCHS, checkpoint_steps=1)
    fit(experiment, folder, resume=resume, progress=False)


def test_others_go_on_beside_a_process_that_is_stopped_then_killed(tmp_path: Path) -> None:
    first, second = (
        clean_processes().Process(target=train, args=(tmp_path, number)) for number in range(2)
    )
    second.start()
    bank, checkpoint = tmp_path / "bank" / "network1.pt", tmp_path / "member1" / "checkpoints"
    until = time.monotonic() + 60
    while not (bank.exists() and checkpoint.exists()) and time.monotonic() < until:
        time.sleep(0.001)
    assert second.pid is not None
    os.kill(second.pid, signal.SIGSTOP)
    first.start()
    first.join(60)
    assert (first.exitcode, second.is_alive()) == (0, True)
    rows = read_metrics(tmp_path / "member0")
    known = {row["others_known"] for row in rows}
    assert len(rows) == EPOCHS
    assert len(known) == 1  # the same images in all epochs
    assert 0 < known.pop() <= 1
    # What does not change is an epoch of 5 steps older in each, give or take the image's place.
    older = rows[-1]["others_lag"] - rows[0]["others_lag"]
    assert older == pytest.approx(5 * (EPOCHS - 1), abs=4)

    second.kill()
    second.join(60)
    assert second.exitcode == -signal.SIGKILL
    run = RunFolder(tmp_path / "member1")
    assert not run.evaluation.exists()
    train(run.root, 1, resume=True)
    last = read_metrics(run.root)[-1]
    assert (last["step"], last["others_known"], last["others_lag"]) == (5 * EPOCHS, 1, 0)
