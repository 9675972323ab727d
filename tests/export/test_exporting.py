"""One file that other runtimes read; nothing is written unless it answers as PyTorch does."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from cotrain import ConfigError, TrainingError
from cotrain.export import ExportOptions, checking, export_ensemble
from cotrain.export.exporting import describe
from cotrain.networks.costs import count_params

ONNX = ExportOptions(format="onnx")


def test_onnx_runtime_gives_the_ensembles_answers(onnx_file, ensemble, pixels):
    session = onnxruntime.InferenceSession(onnx_file)
    shapes = {each.name: each.shape for each in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == {
        "images": ["batch", 1, 8, 8],
        "probabilities": ["batch", 3],
        "disagreement": ["batch"],
        "mutual_information": ["batch"],
        "logits": [2, "batch", 3],
    }
    images = ensemble.spec.preprocessing.normalize(pixels)
    for size in (1, 7):
        found = session.run(["probabilities", "logits"], {"images": pixels[:size].float().numpy()})
        torch.testing.assert_close(torch.from_numpy(found[0]), ensemble.predict(images[:size]))
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(found[1]), ensemble(images[:size]))


def test_the_file_describes_itself_and_names_no_source_file(onnx_file, ensemble):
    model = onnx.load(onnx_file)
    about = json.loads({each.key: each.value for each in model.metadata_props}["cotrain"])
    assert about["classes"] == ["cat", "dog", "owl"]
    assert about["preprocessing"]["mean"] == [0.5]
    assert (about["combine"], about["into"], about["normalize"]) == ("mean_probabilities", 2, True)
    assert about["params"] == sum(count_params(network) for network in ensemble.networks)
    assert about["macs"] == ensemble.macs((1, 8, 8))
    assert b"ensemble.py" not in onnx_file.read_bytes()


def test_torch_alone_reads_the_graph(graph_file, ensemble, pixels):
    code = (
        "import sys, torch\n"
        "extra = {'cotrain.json': ''}\n"
        "program = torch.export.load(sys.argv[1], extra_files=extra).module()\n"
        "torch.save(program(torch.load(sys.argv[2]))['probabilities'], sys.argv[2])\n"
        "assert 'cotrain' not in sys.modules and 'owl' in extra['cotrain.json']\n"
    )
    tensors = graph_file.with_name("tensors.pt")
    torch.save(pixels.float(), tensors)
    subprocess.run([sys.executable, "-c", code, str(graph_file), str(tensors)], check=True)
    expected = ensemble.predict(ensemble.spec.preprocessing.normalize(pixels))
    torch.testing.assert_close(torch.load(tensors), expected)


def test_normalised_images_where_it_is_asked_for_or_pixels_are_unknown(ensemble):
    outside = ExportOptions(format="onnx", normalize=False)
    assert describe(ensemble, ONNX).normalize
    assert not describe(ensemble, outside).normalize
    ensemble.spec = replace(ensemble.spec, preprocessing=None)
    assert not describe(ensemble, ONNX).normalize


class Branching(nn.Linear):
    def forward(self, input):
        x = input.flatten(1)
        return super().forward(x) if x.sum() > 0 else x[:, :3]


class Counting(nn.Linear):
    def forward(self, input):
        return super().forward(input.reshape(len(input), -1))


@pytest.mark.parametrize(
    ("network", "cause"),
    [(Branching(64, 3), "data-dependent"), (Counting(64, 3), "fixes the number of images")],
)
def test_a_network_that_cannot_be_traced_is_named(linear_ensemble, tmp_path, network, cause):
    linear_ensemble.networks[1] = network
    expected = rf"network 1 \({type(network).__name__}\) cannot be exported: .*{cause}"
    with pytest.raises(ConfigError, match=expected) as caught:
        export_ensemble(linear_ensemble, tmp_path / "f.pt2", ExportOptions(format="torch-export"))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_answers_otherwise_is_not_written(linear_ensemble, tmp_path, monkeypatch):
    monkeypatch.setitem(checking.TOLERANCES, "fp32", -1.0)
    with pytest.raises(ConfigError, match="does not answer as PyTorch does"):
        export_ensemble(linear_ensemble, tmp_path / "f.pt2", ExportOptions(format="torch-export"))
    assert list(tmp_path.iterdir()) == []


def test_networks_that_overflow_in_half_precision_are_not_written(ensemble):
    batches = checking.random_batches((1, 8, 8), pixels=True)
    assert [len(each) for each in batches] == [1, 5]

    class Overflowing:
        def run(self, images):
            return {name: torch.full((2,), torch.nan) for name in answers}

    answers = dict.fromkeys(("probabilities", "mutual_information", "logits"), torch.zeros(2))
    exported: Any = Overflowing()
    program: Any = lambda images: answers  # noqa: E731
    distance = checking.largest_distance(exported, program, batches)
    assert distance.probabilities == torch.inf
    for precision in ("fp32", "fp16", "int8"):
        with pytest.raises(ConfigError, match="does not answer"):
            checking.refuse_distance(distance, precision)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("f.bin", {}, "ends in .onnx"),
        ("f.onnx", {"format": "aot"}, "ends in .pt2"),
        ("absent/f.onnx", {}, "there is no folder"),
        ("f.pt2", {"format": "aot", "precision": "int8"}, "use --format onnx"),
        ("f.onnx", {"precision": "fp16"}, "give --data.dataset"),
        ("f.onnx", {"calibration_images": 5}, "int8 only"),
        ("f.onnx", {"calibration_images": -1}, "calibration_images=-1 is below 0"),
        ("f.onnx", {"format": "tflite"}, "format='tflite' is not known: use one of"),
    ],
)
def test_options_that_do_not_fit(ensemble, tmp_path, name, options, message):
    with pytest.raises(ConfigError, match=message):
        export_ensemble(ensemble, tmp_path / name, ExportOptions(**{"format": "onnx", **options}))


def test_normalising_needs_preprocessing(ensemble, tmp_path):
    ensemble.spec = replace(ensemble.spec, preprocessing=None)
    with pytest.raises(ConfigError, match="use --normalize false"):
        export_ensemble(ensemble, tmp_path / "f.onnx", ExportOptions(format="onnx", normalize=True))


def test_a_full_disk_is_one_clear_error(linear_ensemble, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match=r"cannot write .*f\.pt2: No space left"):
        export_ensemble(linear_ensemble, tmp_path / "f.pt2", ExportOptions(format="torch-export"))
    assert list(tmp_path.iterdir()) == []
