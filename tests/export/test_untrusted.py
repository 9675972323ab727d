"""Exported files of others: nothing in them runs, no other file is read, each fault is one line."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import cotrain
from cotrain import ConfigError
from cotrain.basics.files import digest
from cotrain.export import load_exported
from cotrain.export.description import KEY


def refused(path: Path, **options) -> str:
    """The one line of the error that opening gives."""
    with pytest.raises(ConfigError) as caught:
        load_exported(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(source: Path, target: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    """A copy of an ONNX file, changed."""
    model = onnx.load(source)
    change(model)
    target.write_bytes(model.SerializeToString())
    return target


def running(graph_file: Path, target: Path, canary: Path) -> Path:
    """An archive with an expression that makes the canary when torch loads it."""
    code = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    with zipfile.ZipFile(graph_file) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("models/model.json"):
                content = _with_expressions(content, code)
            new.writestr(name, content)
    return target


def _with_expressions(model: bytes, code: str) -> bytes:
    """The graph with this code in the place of every symbolic expression."""

    def replaced(pairs: list) -> dict:
        return {key: code if key == "expr_str" else value for key, value in pairs}

    return json.dumps(json.loads(model, object_pairs_hook=replaced)).encode()


def test_a_program_is_opened_only_if_it_is_trusted(graph_file, tmp_path, canary):
    path = running(graph_file, tmp_path / "f.pt2", canary)
    for load in (load_exported, cotrain.load):
        with pytest.raises(ConfigError, match="can run any program when it is opened: add --trust"):
            load(path)
    assert not canary.exists()
    with pytest.raises(ConfigError):
        load_exported(path, trust=True)
    assert canary.exists(), "the expression is live"
    canary.unlink()


@pytest.mark.parametrize("trust", [False, True])
def test_the_name_is_not_believed(graph_file, onnx_file, tmp_path, canary, trust):
    path = running(graph_file, tmp_path / "f.onnx", canary)
    assert "no .onnx file by its content, which is that of .pt2" in refused(path, trust=trust)
    path = Path(shutil.copyfile(onnx_file, tmp_path / "f.pt2"))
    assert "no .pt2 file by its content" in refused(path, trust=trust)


@pytest.mark.parametrize("name", ["network_0.onnx", "network_0.pt2", "network_0"])
def test_a_manifest_is_not_believed(graph_file, split_folder, tmp_path, canary, name):
    folder = Path(shutil.copytree(split_folder, tmp_path / "split"))
    path = running(graph_file, folder / name, canary)
    record = json.loads((folder / "manifest.json").read_text())
    record["files"][0] = {"name": name, "sha256": digest(path.read_bytes())}
    (folder / "manifest.json").write_text(json.dumps(record))
    assert "content" in refused(folder) if name.endswith(".onnx") else "--trust" in refused(folder)


def test_a_file_of_another_ensemble_is_not_taken_into_a_split(split_folder, tmp_path):
    folder = Path(shutil.copytree(split_folder, tmp_path / "split"))
    record = json.loads((folder / "manifest.json").read_text())
    record["normalize"] = not record["normalize"]
    (folder / "manifest.json").write_text(json.dumps(record))
    assert "is of another ensemble than" in refused(folder)


def test_a_file_that_names_itself_otherwise_is_refused(onnx_file, tmp_path):
    def lie(model):
        (each,) = (prop for prop in model.metadata_props if prop.key == KEY)
        each.value = json.dumps({**json.loads(each.value), "format": "aot"})

    path = changed(onnx_file, tmp_path / "f.onnx", lie)
    assert "calls itself aot, and is .onnx by its content" in refused(path)


def outside(tensor: TensorProto, location: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/hostname", "link"])
@pytest.mark.parametrize("place", ["initializer", "constant", "branch"])
def test_weights_in_other_files_are_refused(onnx_file, tmp_path, location, place):
    (tmp_path / "weights.bin").write_bytes(bytes(4096))
    (tmp_path / "link").symlink_to(tmp_path / "weights.bin")

    def move(model):
        tensor = model.graph.initializer[0]
        if place != "initializer":
            tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[4], name="c")
        outside(tensor, location)
        constant = helper.make_node("Constant", [], ["c"], value=tensor)
        if place == "constant":
            model.graph.node.append(constant)
        elif place == "branch":
            branch = helper.make_graph([constant], "g", [], [])
            model.graph.node.append(helper.make_node("If", ["x"], ["c"], then_branch=branch))

    path = changed(onnx_file, tmp_path / "f.onnx", move)
    assert "keeps weights in other files, which are not read" in refused(path)


def rename_output(model):
    model.graph.output[3].name = model.graph.node[-1].output[0] = "answers"


def no_outputs(model):
    del model.graph.output[:]


def fewer_outputs(model):
    del model.graph.output[1:]


def swapped_outputs(model):
    first = model.graph.output[0].name
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            swap = {first: "logits", "logits": first}
            node.output[index] = swap.get(name, name)
        for index, name in enumerate(node.input):
            node.input[index] = {first: "logits", "logits": first}.get(name, name)


def rename_input(model):
    model.graph.input[0].name = "pixels"
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = "pixels" if name == "images" else name


def other_size(model):
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 9


def described(**fields) -> Callable[[onnx.ModelProto], None]:
    """What an ONNX file says about itself, with other values."""

    def change(model):
        record = json.loads(model.metadata_props[0].value) | fields
        model.metadata_props[0].value = json.dumps(record)

    return change


@pytest.mark.parametrize(
    "change",
    [
        *(no_outputs, fewer_outputs, rename_input, other_size, rename_output, swapped_outputs),
        *(described(into=3), described(num_classes=4, classes=[]), described(image_size=9)),
    ],
)
def test_what_gives_something_else_is_refused_when_it_is_opened(onnx_file, tmp_path, change):
    path = changed(onnx_file, tmp_path / "f.onnx", change)
    assert "export it again" in refused(path)
