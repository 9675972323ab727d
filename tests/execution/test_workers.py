"""Threads that tasks are handed to: order, modes, thread counts, failures."""

import threading
import time
from contextlib import contextmanager

import pytest
import torch

from cotrain import ConfigError
from cotrain.execution.workers import Workers


@pytest.fixture
def workers():
    pool = Workers(2, threads=1)
    yield pool
    pool.close()


def test_results_come_in_the_order_of_the_tasks(workers):
    first_may_end = threading.Event()
    tasks = [lambda: first_may_end.wait(10) and "slow", lambda: first_may_end.set() or "fast"]
    assert workers.run(tasks) == ["slow", "fast"]


def test_a_task_stays_with_its_worker(workers):
    """Also where the other one would be free."""
    first = workers.run([threading.get_ident] * 5)
    assert len(set(first)) == 2
    assert first == [first[0], first[1], first[0], first[1], first[0]]
    for _ in range(3):
        assert workers.run([threading.get_ident] * 5) == first
        assert workers.run([lambda: time.sleep(0.01) or threading.get_ident(), int])[0] == first[0]


def test_the_callers_streams_hold_in_the_threads(workers, monkeypatch):
    """Emulated: of every device, the current one's last, as entering a stream makes it current."""
    current, entered = {0: "a", 1: "b", 2: "c"}, threading.local()

    @contextmanager
    def stream(name):
        entered.names = [*getattr(entered, "names", []), name]
        yield
        entered.names = entered.names[:-1]

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "current_stream", current.get)
    monkeypatch.setattr(torch.cuda, "stream", stream)
    assert workers.run([lambda: list(entered.names)] * 2) == [["a", "c", "b"]] * 2


def test_thread_counts_are_each_threads_own():
    budget = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        pool = Workers(2, threads=2)
        counts = pool.run([torch.get_num_threads] * 4)
        later: list[int] = []
        fresh = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        fresh.start()
        fresh.join()
        # Arithmetic on several threads must not fall back to the default.
        pool.run([lambda: torch.randn(300, 300).exp().sum()] * 4)
        again = pool.run([torch.get_num_threads] * 4)
        pool.close()
        assert (counts, again, later) == ([2] * 4, [2] * 4, [3])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(budget)


def modes():
    autocast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu")
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), autocast


def test_the_callers_modes_hold_in_the_threads(workers):
    assert workers.run([modes]) == [(True, False, False)]
    with torch.no_grad():
        assert workers.run([modes]) == [(False, False, False)]
    with torch.inference_mode():
        assert workers.run([modes]) == [(False, True, False)]
    with torch.autocast("cpu", torch.bfloat16):
        assert workers.run([modes]) == [(True, False, torch.bfloat16)]
    assert workers.run([modes]) == [(True, False, False)]


def test_the_first_failure_is_raised_after_all_are_done(workers):
    done = []

    def fail(text):
        raise LookupError(text)

    tasks = [lambda: done.append(0), lambda: fail("one"), lambda: fail("two")]
    with pytest.raises(LookupError, match="one"):
        workers.run([*tasks, lambda: done.append(3)])
    assert sorted(done) == [0, 3]
    assert workers.run([lambda: "again"]) == ["again"]


def test_closed_workers_take_no_tasks():
    before = set(threading.enumerate())
    pool = Workers(3, threads=1)
    pool.close()
    pool.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConfigError, match="closed"):
        pool.run([lambda: 1])
