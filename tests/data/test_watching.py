"""Long work says how far it is; short work says nothing."""

from cotrain.data import watching
from cotrain.data.watching import watched


def test_a_line_every_ten_seconds(monkeypatch, capsys):
    now = iter([0, 4, 11, 11, 15, 22, 22])
    monkeypatch.setattr(watching, "monotonic", lambda: next(now))
    assert list(watched("abcd", "reading images", 300, 1000)) == ["a", "b", "c", "d"]
    assert capsys.readouterr().err.splitlines() == [
        "cotrain: reading images: 600 of 1,000",
        "cotrain: reading images: 1,000 of 1,000",
    ]


def test_short_work_is_silent(capsys):
    assert list(watched([1, 2], "reading images", 1, 2)) == [1, 2]
    assert capsys.readouterr().err == ""
