"""Signals and full disks, to a real process: one line, an exit code, and a run to go on with."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_runs import final_state, final_weights, same, tiny

from cotrain.basics.run_folder import RunFolder
from cotrain.config.recipes import dump_experiment
from cotrain.training import fit

LONG = tiny(epochs=400, data={"validation": 0.2, "workers": 1})


def start(folder: Path, experiment, **popen) -> subprocess.Popen:
    recipe = folder.with_name("recipe.yaml")
    recipe.write_text(dump_experiment(experiment))
    command = [sys.executable, "-m", "cotrain", "train", "--config", recipe, "--output", folder]
    return subprocess.Popen(
        [*command, "--progress=false"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **popen,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signal_saves_and_the_run_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path / "run", LONG)
    while process.poll() is None and not RunFolder(tmp_path / "run").metrics.exists():
        time.sleep(0.01)
    os.killpg(process.pid, number)  # as a terminal does: to the loader's processes too
    if number == signal.SIGHUP:
        os.killpg(process.pid, number)  # of a closing terminal one comes from the shell as well
    error = process.communicate()[1]
    assert process.returncode == 128 + number
    step = final_state(tmp_path / "run")["global_step"]
    assert error == (
        f"cotrain: interrupted after step {step}, which is saved: "
        f"go on with cotrain train --resume {tmp_path / 'run'}\n"
    )
    assert 4 <= step < 1600


@pytest.fixture
def loading(tmp_path: Path):
    """A run in a process of its own that trains, and the process that loads its images."""
    process = start(tmp_path / "run", LONG)
    while process.poll() is None and not RunFolder(tmp_path / "run").metrics.exists():
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    loaders = [int(pid) for pid in children.read_text().split()]
    yield process, loaders
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_no_loader_outlives_a_killed_run(loading) -> None:
    process, loaders = loading
    assert all(map(is_alive, loaders))
    assert loaders
    process.kill()
    process.wait()
    end = time.monotonic() + 2  # torch's own watch looks every 5 seconds
    while any(map(is_alive, loaders)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(is_alive, loaders))


def test_a_killed_loader_is_one_line(loading, tmp_path: Path) -> None:
    process, loaders = loading
    os.kill(loaders[0], signal.SIGKILL)
    error = process.communicate()[1]
    assert process.returncode == 2
    # torch says it in one of two ways, by which of its watches sees it first.
    assert re.fullmatch(
        r"cotrain: a process that loads images died \(DataLoader worker \(pid(\(s\))? "
        rf"{loaders[0]}\) (is killed by signal: Killed|exited unexpectedly)\), perhaps for lack of "
        rf"memory: go on with cotrain train --resume {re.escape(str(tmp_path / 'run'))}, "
        r"if need be with fewer data\.workers in its config\.yaml\n",
        error,
    )


def test_interrupted_run_equals_a_whole_one(tmp_path: Path, monkeypatch) -> None:
    """In this process, at a chosen step; nothing but the signal's moment differs from above."""
    from cotrain.basics.errors import Interrupted
    from cotrain.training import CoTraining

    experiment = tiny(data={"validation": 0.2})
    fit(experiment, tmp_path / "whole", progress=False)
    with monkeypatch.context() as patch:
        step = CoTraining.training_step

        def interrupted(self, batch, batch_idx):
            if batch_idx == 1:
                signal.raise_signal(signal.SIGINT)
            return step(self, batch, batch_idx)

        patch.setattr(CoTraining, "training_step", interrupted)
        with pytest.raises(Interrupted, match="after step 2, which is saved"):
            fit(experiment, tmp_path / "run", progress=False)
    fit(experiment, tmp_path / "run", resume=True, progress=False)
    assert same(final_weights(tmp_path / "run"), final_weights(tmp_path / "whole"))
    for name in ("data.json", "split.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_second_interrupt_stops_at_once(tmp_path: Path, monkeypatch) -> None:
    from cotrain.training import CoTraining

    def twice(self, batch, batch_idx):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(CoTraining, "training_step", twice)
    # A shell starts background jobs with SIGINT ignored, and so Python without its handler.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(tiny(), tmp_path / "run", progress=False)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_full_disk_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    """No file may grow beyond a limit that the first run's files just fit."""
    folder = RunFolder(tmp_path / "run")
    fit(tiny(epochs=1), folder.root, progress=False)
    limit = folder.checkpoint.stat().st_size - 1000

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = start(tmp_path / "small", tiny(epochs=1), preexec_fn=limited)
    error = process.communicate()[1]
    assert process.returncode == 2
    assert error.count("\n") == 1
    assert "cannot write" in error
    assert "free space or choose another --output; what was saved before is kept" in error
    assert not RunFolder(tmp_path / "small").checkpoint.exists()
