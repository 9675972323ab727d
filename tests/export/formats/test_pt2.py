"""PyTorch's archives: what is inside, machine code, and that no pickle is ever loaded."""

import json
import pickle
import tempfile
import zipfile
from pathlib import Path

import pytest
import torch

from cotrain import ConfigError
from cotrain.export import ExportOptions, export_ensemble, load_exported


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


def rewritten(source: Path, target: Path, entries: dict[str, bytes]) -> Path:
    """A copy of an archive with some entries replaced or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        changed = {f"{root}/{name}": content for name, content in entries.items()}
        for name in old.namelist():
            if name not in changed:
                new.writestr(name, old.read(name))
        for name, content in changed.items():
            new.writestr(name, content)
    return target


def test_an_archive_of_ours_holds_no_pickle(graph_file):
    with zipfile.ZipFile(graph_file) as archive:
        pickles = [
            entry for entry in archive.infolist() if entry.filename.endswith((".pt", ".pkl"))
        ]
        configs = [name for name in archive.namelist() if name.endswith("s_config.json")]
        payloads = [
            each for name in configs for each in json.loads(archive.read(name))["config"].values()
        ]
    assert [each.file_size for each in pickles] == [0]
    assert len(payloads) > 10
    assert not any(each["use_pickle"] for each in payloads)


@pytest.mark.parametrize(
    "entry",
    [
        "data/sample_inputs/model.pt",
        "data/weights/model.pt",
        "data/constants/model.pt",
        "serialized_example_inputs.pt",
        "data/other.bin",
    ],
)
def test_pickles_are_refused_before_they_are_loaded(graph_file, tmp_path, entry):
    trap = {entry: pickle.dumps(Trap(tmp_path / "sprung"))}
    path = rewritten(graph_file, tmp_path / "bad.pt2", trap)
    with pytest.raises(ConfigError, match="may run code when it is loaded"):
        load_exported(path, trust=True)
    assert not (tmp_path / "sprung").exists()


def test_weights_marked_as_pickled_are_refused(graph_file, tmp_path):
    name = "data/weights/model_weights_config.json"
    with zipfile.ZipFile(graph_file) as archive:
        root = archive.namelist()[0].partition("/")[0]
        config = json.loads(archive.read(f"{root}/{name}"))
    first = next(iter(config["config"]))
    config["config"][first]["use_pickle"] = True
    path = rewritten(graph_file, tmp_path / "bad.pt2", {name: json.dumps(config).encode()})
    with pytest.raises(ConfigError, match=f"holds {first}, which may run code"):
        load_exported(path, trust=True)


def test_a_cut_archive_is_one_line(graph_file, tmp_path):
    content = graph_file.read_bytes()
    (tmp_path / "cut.pt2").write_bytes(content[: len(content) // 2])
    with pytest.raises(ConfigError, match="damaged") as caught:
        load_exported(tmp_path / "cut.pt2", trust=True)
    assert "\n" not in str(caught.value)


def test_machine_code_is_told_apart_by_content_and_answers_alike(
    linear_ensemble, pixels, tmp_path, monkeypatch
):
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(unpacked))
    path = tmp_path / "machine.pt2"
    report = export_ensemble(linear_ensemble, path, ExportOptions(format="aot"))
    assert report.distance.probabilities < 1e-5
    exported = load_exported(path, trust=True)
    assert exported.spec == report.spec
    assert (exported.spec.format, exported.spec.classes[2]) == ("aot", "owl")
    with zipfile.ZipFile(path) as archive:
        assert any("/data/aotinductor/" in name for name in archive.namelist())
    images = linear_ensemble.spec.preprocessing.normalize(pixels)
    for size in (1, 7):
        with torch.no_grad():
            torch.testing.assert_close(exported(pixels[:size]), linear_ensemble(images[:size]))
    del exported
    with zipfile.ZipFile(path) as archive:
        library = next(name for name in archive.namelist() if name.endswith(".so"))
    bad = rewritten(path, tmp_path / "bad.pt2", {library.partition("/")[2]: b"no library"})
    with pytest.raises(ConfigError, match="or damaged"):
        load_exported(bad, trust=True)
    assert list(unpacked.glob("cotrain-*")) == []


def test_no_compiler_is_one_clear_line(linear_ensemble, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("no C++ compiler\nand a long story")

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", fail)
    with pytest.raises(ConfigError, match=r"cannot be compiled \(no C\+\+ compiler\): install"):
        export_ensemble(linear_ensemble, tmp_path / "f.pt2", ExportOptions(format="aot"))
    assert list(tmp_path.iterdir()) == []
