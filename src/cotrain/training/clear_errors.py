"""What a user is told where training cannot go on: one line, and what to do next."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as lightning
from torch.distributed import DistError
from torch.multiprocessing.spawn import ProcessException

from cotrain.basics.errors import TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Hardware
from cotrain.training.finite import NotFiniteError

_GRACE = 5.0  # seconds for a process that is to end, which a stopped one cannot


@contextmanager
def clear_errors(
    folder: RunFolder, trainer: lightning.Trainer, hardware: Hardware
) -> Iterator[None]:
    """Say what to do next where training cannot go on.

    Args:
        folder: The run folder.
        trainer: Who knows the other processes.
        hardware: How long they are waited for, and whether fewer may go on.
    """
    try:
        yield
    except NotFiniteError as error:
        kept = f"the last good checkpoint is {folder.checkpoint}"
        raise TrainingError(
            f"{error}; {kept if folder.checkpoint.exists() else 'no checkpoint was saved yet'}: "
            "lower optimizer.lr, set optimizer.clip, or --on_nan skip"
        ) from None
    except ProcessException as error:
        last = str(error).strip().splitlines()[-1]
        what = _lost(error, hardware.timeout) or f"a process failed: {last}"
        raise TrainingError(f"{what}: {_go_on(folder, hardware)}") from error
    except RuntimeError as error:
        lost = _lost(error, hardware.timeout) if trainer.world_size > 1 else None
        if lost is None:
            raise
        _end_started(trainer)
        said = f"process {trainer.global_rank} stopped because {lost}"
        raise TrainingError(f"{said}: {_go_on(folder, hardware)}") from error
    except SystemExit:
        # Lightning's answer to a second Ctrl-C.
        raise KeyboardInterrupt from None


def _lost(error: Exception, timeout: float) -> str | None:
    """What happened to another process; None where it is no loss of one."""
    if "connectFullMesh" in str(error):
        return (
            "it reaches another one at no address: where a host's name leads to 127.0.0.1, set "
            "GLOO_SOCKET_IFNAME on each host to its network interface, such as eth0"
        )
    if "EADDRINUSE" in str(error):
        port = os.environ.get("MASTER_PORT")
        return f"MASTER_PORT={port} is in use on this machine (give all processes another one)"
    if re.search("while trying to connect|failed to connect/validate|Ping failed", str(error)):
        host, port = (os.environ.get(f"MASTER_{name}") for name in ("ADDR", "PORT"))
        return (
            f"no process 0 answers at MASTER_ADDR={host}, MASTER_PORT={port} (hardware.timeout="
            f"{timeout:g}; look for its own message)"
        )
    if any(word in str(error) for word in ("Timed out", "timeout", "timed out")):
        return f"another one did not answer for {timeout:g} s (hardware.timeout)"
    if isinstance(error, DistError) or "by peer" in str(error):
        return "another one failed (see its message, if it left one)"
    return None


def _go_on(folder: RunFolder, hardware: Hardware) -> str:
    if not folder.config.exists():
        return "nothing was trained yet: start it again"
    step = f"go on with cotrain train --resume {folder.root}, "
    if hardware.sync_batch_norm:  # what is normalised together makes the result
        return step + "with as many processes as began it (hardware.sync_batch_norm)"
    return step + "if need be with fewer processes (--hardware.devices)"


def watch_ourselves(trainer: lightning.Trainer) -> None:
    """Once all train, a process that is lost is noticed, and said, by those that wait for it.

    Lightning's observer, which would kill them before they can say so, is left with none to watch.
    """
    watched: list[Any] = getattr(trainer.strategy.launcher, "procs", [])
    if watched:
        trainer.strategy.launcher.procs = [*watched]  # type: ignore[union-attr]
        watched.clear()


def _end_started(trainer: lightning.Trainer) -> None:
    """End the processes that this one has started by their command, stopped ones too."""
    for each in getattr(trainer.strategy.launcher, "procs", ()):
        if not isinstance(each, subprocess.Popen):
            continue
        try:
            each.wait(_GRACE)
        except subprocess.TimeoutExpired:
            each.kill()
            each.wait()


def fewer_workers(folder: RunFolder) -> str:
    """What to do where a process that loads images has died."""
    return (
        f"go on with cotrain train --resume {folder.root}, "
        f"if need be with fewer data.workers in its {folder.config.name}"
    )
