"""What grows all along is told from what comes and goes."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import soak


def _samples(**values: Sequence[float]) -> list[dict[str, float]]:
    constant = {"megabytes": 100.0, "files": 7, "processes": 1}
    names = list(values)
    return [
        constant | dict(zip(names, each, strict=True))
        for each in zip(*values.values(), strict=True)
    ]


def test_a_leak_is_found() -> None:
    samples = _samples(megabytes=[float(each) for each in range(40)], files=[7] * 39 + [90])
    held = soak.medians(samples)
    assert held == {
        "megabytes": [4.5, 14.5, 24.5, 34.5],
        "files": [7, 7, 7, 7],
        "processes": [1, 1, 1, 1],
    }
    assert soak.grown(held) == {"megabytes": 20.0}


def test_files_that_stay_open_are_found() -> None:
    held = soak.medians(_samples(files=[float(each // 5) for each in range(40)]))
    assert soak.grown(held) == {"files": 4}


def test_what_grows_at_the_beginning_alone_is_no_leak() -> None:
    assert soak.grown(soak.medians(_samples(megabytes=[0.0] * 10 + [500.0] * 30))) == {}


def test_a_sample_counts_open_files(tmp_path: Path) -> None:
    before = soak.sample()
    with (tmp_path / "a").open("w"), (tmp_path / "b").open("w"):
        assert soak.sample()["files"] - before["files"] == 2
    page = os.sysconf("SC_PAGE_SIZE") / 2**20
    assert before["megabytes"] >= page


def test_growth_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["soak.py"])
    monkeypatch.setattr(soak, "write_results", lambda name, results: Path(name))
    for grown, code in (({}, 0), ({"files": 3.0}, 1)):
        monkeypatch.setattr(soak, "measure", lambda *_, grown=grown, **__: {"a": {"grown": grown}})
        with pytest.raises(SystemExit) as ended:
            soak.main()
        assert int(ended.value.code or 0) == code


def test_it_trains_and_answers(tmp_path: Path) -> None:
    parts = soak.measure(tmp_path, epochs=1, predictions=30, every=0.005)
    assert list(parts) == ["training", "predicting"]
    assert parts["predicting"]["predictions"] == 30
    assert parts["training"]["most"]["processes"] >= 1  # the loader worker
    assert (tmp_path / "run" / "ensemble" / "spec.json").exists()
