"""The notebook's cells run in order, and show what their text says."""

import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib").use("Agg")
NOTEBOOK = Path(__file__).parents[2] / "examples/digits.ipynb"


def code_of(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    first, *others = code_of(NOTEBOOK)
    assert "EPOCHS = 20\n" in first
    names: dict = {}
    for code in [first.replace("EPOCHS = 20", "EPOCHS = 1"), *others]:
        exec(compile(code, str(NOTEBOOK), "exec"), names)
    assert "S=4: 311,016 params, error" in capsys.readouterr().out
    assert names["probabilities"].shape == (1797, 10)
    assert names["votes"].shape == (4, 1797)
    sure = names["probabilities"].amax(-1)
    assert sure[names["unsure"]].max() <= sure.median()
    assert "votes " in names["axes"].flat[11].get_title()


def test_the_notebook_is_shown_as_it_ran():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
