"""Functions of a test in a process of its own, which may fork: nothing else runs in it."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from typing import Any


def clean_processes() -> ForkServerContext:
    """What starts such processes; all that they need is imported once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["cotrain.training", "cotrain.evaluation.scores", "sklearn.datasets"]
    )
    return context


def exit_code_of(target: Callable[..., None], *arguments: Any, seconds: float = 120) -> int:
    """How the function ended: 0, or the exit code that it asked for."""
    process = clean_processes().Process(target=target, args=arguments)
    process.start()
    process.join(seconds)
    assert process.exitcode is not None
    return process.exitcode
