"""Files of others run nothing: each hostile one is one line on stderr and exit code 2."""

import ast
from pathlib import Path

import pytest
from hostile_files import HOSTILE

import cotrain
from cotrain.cli import main

SOURCES = sorted(Path(cotrain.__file__).parent.rglob("*.py"))


def test_there_are_hostile_files_enough():
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_line(name, tmp_path, canary, capsys, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    words = list(map(str, HOSTILE[name](folder, canary)))
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as caught:
        main(words)
    lines = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2
    assert len(lines) == 1
    assert lines[0].startswith("cotrain: ")
    assert "Traceback" not in lines[0]


def called(source: Path) -> list[tuple[str, ast.Call]]:
    """The calls in a file, each with what is called as it is written."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return [(ast.unparse(each.func), each) for each in ast.walk(tree) if isinstance(each, ast.Call)]


def test_torch_loads_weights_only():
    loads = [call for each in SOURCES for name, call in called(each) if name == "torch.load"]
    assert len(loads) >= 2
    for call in loads:
        options = {option.arg: ast.unparse(option.value) for option in call.keywords}
        assert options.get("weights_only") == "True"


def test_nothing_that_runs_what_it_reads_is_called():
    running = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system"}
    found = {name for each in SOURCES for name, _ in called(each)}
    assert "json.loads" in found
    assert found & running == {"yaml.load"}
    # With a loader of our own, which makes no objects; its tests stand in basics.
    assert [each.name for each in SOURCES if "yaml.load(" in each.read_text()] == ["plain_yaml.py"]
    assert not {name for name in found if name.split(".")[0] in ("pickle", "dill", "joblib")}
