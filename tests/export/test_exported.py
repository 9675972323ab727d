"""Loading what was exported: the same rows as the ensemble's, and errors for what is damaged."""

import builtins
import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from assembled import mixed
from PIL import Image

import cotrain
from cotrain import ConfigError
from cotrain.ensemble.answering import logits_of
from cotrain.evaluation.prediction import predict_files
from cotrain.export import (
    ExportOptions,
    export_ensemble,
    is_exported,
    load_exported,
    open_answering,
)


@pytest.fixture
def pictures(pixels, tmp_path):
    for index, image in enumerate(pixels[:, 0].numpy()):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    (tmp_path / "7.png").write_text("no image")
    return [str(tmp_path / f"{index}.png") for index in range(8)]


def rows_of(ensemble, paths, combine=None):
    return [
        (row.label, row.error, row.probability, row.disagreement, row.mutual_information)
        for row in predict_files(ensemble, paths, 3, combine=combine)
    ]


@pytest.mark.parametrize("kind", ["onnx_file", "graph_file", "split_folder"])
def test_rows_equal_those_of_the_ensemble(kind, request, ensemble, pictures):
    exported = load_exported(request.getfixturevalue(kind), trust=kind == "graph_file")
    expected, found = rows_of(ensemble, pictures), rows_of(exported, pictures)
    assert len({row[0] for row in expected}) > 1
    for left, right in zip(expected, found, strict=True):
        assert left[:2] == right[:2]
        if left[1] is None:
            assert right[2:] == pytest.approx(left[2:], abs=1e-5)


@pytest.mark.parametrize("split", [False, True])
def test_networks_that_differ_are_exported_whole_and_split(split, tmp_path, pixels):
    *_, ensemble = mixed()
    output = tmp_path / ("parts" if split else "whole.onnx")
    report = export_ensemble(ensemble, output, ExportOptions(format="onnx", split=split))
    assert report.spec.normalize
    assert (report.spec.into, report.spec.params) == (3, ensemble.params)
    exported = load_exported(output)
    assert exported.spec.arch == "basic_resnet8_8 + basic_resnet14_4"
    with torch.no_grad():
        expected = ensemble(ensemble.prepare(pixels))
    torch.testing.assert_close(exported(pixels), expected, rtol=1e-4, atol=1e-4)


def test_a_file_answers_files_itself(onnx_file, ensemble, pictures):
    found, expected = (
        each.predict_files([pictures[3], pictures[7]], top=2, probabilities=True)
        for each in (cotrain.load(onnx_file), ensemble)
    )
    assert [row.error for row in found] == [None, "not an image"]
    assert found[0].probabilities == pytest.approx(expected[0].probabilities, abs=1e-5)
    labels = [[each.label for each in rows[0].top or ()] for rows in (found, expected)]
    assert len(labels[0]) == 2
    assert labels[0] == labels[1]


def test_combination_can_be_another_than_the_file_s(onnx_file, ensemble, pictures, pixels):
    normalized = ensemble.spec.preprocessing.normalize(pixels)
    expected = ensemble.predict(normalized, "max_logits").amax(-1).tolist()
    rows = rows_of(load_exported(onnx_file), pictures[:7], "max_logits")
    assert [row[2] for row in rows] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", ["onnx_file", "split_folder"])
def test_threads_and_parallel_networks_change_no_answer(kind, request, pixels):
    path = request.getfixturevalue(kind)
    one = load_exported(path, threads=1).run(pixels)
    two = load_exported(path, threads=1, parallel=2).run(pixels.numpy())
    assert (
        one.keys()
        == two.keys()
        == {
            "probabilities",
            "disagreement",
            "mutual_information",
            "logits",
        }
    )
    for name, value in one.items():
        torch.testing.assert_close(two[name], value)


def test_images_of_another_shape_are_refused(onnx_file):
    with pytest.raises(ConfigError, match=r"takes \[B, 1, 8, 8\]"):
        load_exported(onnx_file).run(torch.zeros(1, 3, 8, 8))


def test_normalised_images_are_prepared_outside(exported_to, ensemble, pixels):
    path = exported_to("outside.pt2", format="torch-export", normalize=False)
    exported = load_exported(path, trust=True)
    images = (pixels.float() / 255 - 0.5) / 0.25
    torch.testing.assert_close(exported.prepare(pixels), images)
    with torch.no_grad():
        torch.testing.assert_close(exported(images), ensemble(images))


def test_exported_files_answer_on_the_cpu_only(onnx_file):
    with pytest.raises(ConfigError, match="device='cuda': exported files answer on the cpu"):
        open_answering(onnx_file, "cuda")


def test_whatever_answers_is_opened_alike(onnx_file, split_folder, ensemble, tmp_path, pixels):
    ensemble.save(tmp_path)
    opened = [open_answering(path) for path in (tmp_path, onnx_file, split_folder)]
    with torch.no_grad():
        expected = ensemble(ensemble.prepare(pixels))
    for each in opened:
        assert (each.spec.arch, each.spec.into) == ("basic_resnet8_4", 2)
        assert (each.spec.image_shape, each.spec.num_classes) == ((1, 8, 8), 3)
        assert (each.spec.params, each.spec.macs) == (ensemble.params, ensemble.macs((1, 8, 8)))
        torch.testing.assert_close(logits_of(each, each.prepare(pixels)), expected)


def test_a_file_of_normalised_images_without_preprocessing_prepares_none(ensemble, tmp_path):
    ensemble.spec = replace(ensemble.spec, preprocessing=None)
    export_ensemble(ensemble, tmp_path / "f.pt2", ExportOptions(format="torch-export"))
    with pytest.raises(ConfigError, match="no preprocessing"):
        load_exported(tmp_path / "f.pt2", trust=True).prepare(torch.zeros(1, 1, 8, 8))


def test_what_is_exported(onnx_file, split_folder, tmp_path):
    assert is_exported(onnx_file)
    assert is_exported(split_folder)
    assert not is_exported(tmp_path)
    with pytest.raises(ConfigError, match="write one with cotrain export"):
        load_exported(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 not an archive"])
def test_other_files_are_one_line(tmp_path, content):
    (tmp_path / "f.onnx").write_bytes(content)
    with pytest.raises(ConfigError, match="export it again") as caught:
        load_exported(tmp_path / "f.onnx")
    assert "\n" not in str(caught.value)


def test_onnx_files_of_others_are_refused(onnx_file, tmp_path):
    model = onnx.load(onnx_file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "f.onnx")
    with pytest.raises(ConfigError, match="does not describe itself"):
        load_exported(tmp_path / "f.onnx")


def test_files_of_a_split_are_verified(split_folder, tmp_path):
    copy = shutil.copytree(split_folder, tmp_path / "split")
    manifest = copy / "manifest.json"
    record = json.loads(manifest.read_text())
    assert [each["name"] for each in record["files"]] == ["network_0.onnx", "network_1.onnx"]

    with open(copy / "network_1.onnx", "ab") as file:
        file.write(b"\0")
    with pytest.raises(ConfigError, match=r"network_1.onnx was changed or cut"):
        load_exported(copy)

    manifest.write_text(json.dumps({**record, "files": record["files"][:1]}))
    with pytest.raises(ConfigError, match="names 1 files for S=2"):
        load_exported(copy)

    outside = {**record["files"][0], "name": "../whole.onnx"}
    manifest.write_text(json.dumps({**record, "files": [outside] * 2}))
    with pytest.raises(ConfigError, match="is missing"):
        load_exported(copy)

    manifest.write_text(json.dumps({**record, "files": [1]}))
    with pytest.raises(ConfigError, match="damaged"):
        load_exported(copy)


def test_a_missing_library_is_one_clear_line(onnx_file, monkeypatch):
    real = builtins.__import__

    def missing(name, *arguments):
        if name == "onnxruntime":
            raise ModuleNotFoundError(name=name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=r"onnxruntime is not installed: pip install 'cotrain\["):
        load_exported(onnx_file)


def test_one_network_alone_gives_its_logits(split_folder, ensemble, pixels):
    import onnxruntime

    session = onnxruntime.InferenceSession(split_folder / "network_1.onnx")
    (found,) = map(np.asarray, session.run(None, {"images": pixels.float().numpy()}))
    with torch.no_grad():
        expected = ensemble.networks[1](ensemble.spec.preprocessing.normalize(pixels))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-5)
