"""Long work says how far it is; short work says nothing."""

import sys
import threading
import time

import pytest

from cotrain.basics import watching
from cotrain.basics.watching import at_work, watched


def test_a_line_after_a_second_and_every_ten(monkeypatch, capsys):
    now = iter([0, 1, 2, 2, 11, 13, 13])
    monkeypatch.setattr(watching, "monotonic", lambda: next(now))
    assert list(watched("abcd", "reading images", 300, 1000)) == ["a", "b", "c", "d"]
    # At 1 there is no line yet, at 2 the first; at 11 none, at 13 the next.
    assert capsys.readouterr().err.splitlines() == [
        "cotrain: reading images: 600 of 1,000",
        "cotrain: reading images: 1,000 of 1,000",
    ]


def test_short_work_is_silent(capsys):
    assert list(watched([1, 2], "reading images", 1, 2)) == [1, 2]
    with at_work("exporting"):
        pass
    assert capsys.readouterr().err == ""


def test_work_without_parts_tells_how_long_it_takes(monkeypatch):
    monkeypatch.setattr(watching, "_FIRST", 0)
    monkeypatch.setattr(watching, "_NEXT", 0.001)
    lines = Lines(3)
    monkeypatch.setattr(sys, "stderr", lines)
    with at_work("exporting"):
        assert lines.written.wait(10)
    assert lines.text.splitlines()[:3] == ["cotrain: exporting: 0 s"] * 3


def test_work_that_fails_says_no_more(monkeypatch):
    threads = threading.active_count()
    with pytest.raises(ZeroDivisionError), at_work("exporting"):
        time.sleep(1 / 0)
    assert threading.active_count() == threads


class Lines:
    """A stream that tells when so many lines are written."""

    def __init__(self, count):
        self.text, self.count, self.written = "", count, threading.Event()

    def write(self, text):
        self.text += text
        if self.text.count("\n") >= self.count:
            self.written.set()

    def flush(self):
        pass


def test_work_with_a_state_tells_it(monkeypatch):
    monkeypatch.setattr(watching, "_FIRST", 0)
    lines = Lines(2)
    monkeypatch.setattr(sys, "stderr", lines)
    states = iter(["1 of 3", "2 of 3"])
    with at_work("training", lambda: next(states, "3 of 3"), every=0.001):
        assert lines.written.wait(10)
    assert lines.text.splitlines()[:2] == [
        "cotrain: training: 1 of 3",
        "cotrain: training: 2 of 3",
    ]
