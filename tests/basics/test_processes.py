"""What asks a process to stop, and what does not."""

import multiprocessing
import os
import signal
import time

import pytest

from cotrain.basics.processes import (
    STOP_SIGNALS,
    CaughtSignals,
    StopAsked,
    serve_parent,
    stoppable,
)


@pytest.fixture(autouse=True)
def as_a_shell_starts_them():
    before = {number: signal.signal(number, signal.SIG_DFL) for number in STOP_SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_the_first_signal_asks_and_later_ones_do_no_harm(number):
    asked = []
    caught = CaughtSignals(asked.append)
    before = signal.getsignal(number)
    caught.catch()
    signal.raise_signal(number)
    signal.raise_signal(signal.SIGHUP)
    assert asked == [number]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a second one ends
    caught.release()
    assert signal.getsignal(number) is before


def test_nohup_is_obeyed():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stoppable():
        signal.raise_signal(signal.SIGHUP)
    with pytest.raises(StopAsked) as caught, stoppable():
        signal.raise_signal(signal.SIGUSR1)
    assert caught.value.number == signal.SIGUSR1


def _parent(pipe):
    child = multiprocessing.get_context("fork").Process(target=_child, args=(pipe,))
    child.start()
    pipe.send(child.pid)
    time.sleep(60)


def _child(pipe):
    serve_parent()
    for number in STOP_SIGNALS:
        os.kill(os.getpid(), number)
    pipe.send("still here")
    time.sleep(60)


def test_a_process_that_serves_ends_with_its_parent_alone():
    here, there = multiprocessing.Pipe()
    parent = multiprocessing.get_context("spawn").Process(target=_parent, args=(there,))
    parent.start()
    there.close()
    assert "still here" in (here.recv(), here.recv())
    parent.kill()
    parent.join()
    with pytest.raises(EOFError):  # both ends of the pipe are gone
        here.recv()
