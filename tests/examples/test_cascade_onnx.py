"""The runner of a cascade with NumPy and ONNX Runtime alone, in a process without cotrain."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from split_cascades import PIXELS, linear_ensemble, with_cascade

from cotrain.config.cascade import CascadeSignal
from cotrain.config.combining import Combine
from cotrain.export import ExportOptions, export_ensemble

EXAMPLE = Path(__file__).parents[2] / "examples" / "cascade_onnx.py"
SPLIT = ExportOptions(format="onnx", split=True)

# Runs the example, and says what it found; what the networks are asked about is counted.
_RUNNER = f"""
import importlib.util, json, sys
for name in ("cotrain", "torch"):
    sys.modules[name] = None  # an import of it fails
import numpy as np, onnxruntime
counts = {{}}
class Counting(onnxruntime.InferenceSession):
    def run(self, names, feed):
        counts[id(self)] += len(feed["images"])
        return super().run(names, feed)
onnxruntime.InferenceSession = Counting
spec = importlib.util.spec_from_file_location("example", {str(EXAMPLE)!r})
example = importlib.util.module_from_spec(spec)
sys.modules["example"] = example
spec.loader.exec_module(example)
found = []
for folder in sys.argv[2:]:
    cascade = example.SplitCascade(example.Path(folder), threads=1)
    counts.update({{id(network): 0 for network in cascade.networks}})
    answers = cascade.answer(np.load(sys.argv[1]))
    empty = cascade.answer(np.load(sys.argv[1])[:0])
    found.append({{
        "probabilities": answers.probabilities.tolist(),
        "asked": answers.asked.tolist(),
        "counts": [counts[id(network)] for network in cascade.networks],
        "empty": [list(each.shape) for each in empty],
    }})
print(json.dumps(found))
"""


def run(*words: str | Path, code: int = 0) -> str:
    done = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    np.save(folder / "images.npy", PIXELS.numpy())
    export_ensemble(with_cascade(linear_ensemble()), folder / "files", SPLIT)
    return folder


def test_it_answers_and_skips_as_pytorch_does(files: Path, tmp_path: Path):
    ways: list[tuple[Combine, CascadeSignal]] = [
        *(("mean_logits", signal) for signal in get_args(CascadeSignal)),
        *((combine, "probability") for combine in get_args(Combine)[1:]),
    ]
    ensembles = {
        tmp_path / f"{combine}-{signal}": with_cascade(linear_ensemble(combine), signal)
        for combine, signal in ways
    }
    for folder, ensemble in ensembles.items():
        spec = ensemble.spec
        manifest = Path(shutil.copytree(files / "files", folder)) / "manifest.json"
        fitted = {name: asdict(getattr(spec, name)) for name in ("calibration", "cascade")}
        stored = json.loads(manifest.read_text()) | {"combine": spec.combine} | fitted
        manifest.write_text(json.dumps(stored))
    rows = json.loads(run("-c", _RUNNER, files / "images.npy", *ensembles))
    for (folder, ensemble), row in zip(ensembles.items(), rows, strict=True):
        expected = ensemble.answer_in_stages(ensemble.prepare(PIXELS))
        assert row["asked"] == expected.asked.tolist(), folder.name
        assert row["counts"][::-1] == [int((expected.asked > place).sum()) for place in range(3)]
        np.testing.assert_allclose(row["probabilities"], expected.probabilities, atol=1e-5)
        assert row["empty"] == [[0, 4], [0]]
    assert len({tuple(row["counts"]) for row in rows}) > 1


def test_it_prints_an_answer_for_each_image(files: Path):
    lines = run(EXAMPLE, files / "files", files / "images.npy").splitlines()
    ensemble = with_cascade(linear_ensemble())
    expected = ensemble.answer_in_stages(ensemble.prepare(PIXELS))
    rows = zip(expected.probabilities, expected.asked, strict=True)
    for line, (row, asked) in zip(lines[:40], rows, strict=True):
        label, probability, count = line.split()
        assert (int(label), int(count)) == (int(row.argmax()), int(asked))
        assert float(probability) == pytest.approx(row.max().item(), abs=1e-4)
    mean = expected.asked.double().mean().item()
    assert lines[40:] == [f"asked: {mean:.2f} of 3 networks"]


def test_it_says_what_is_wrong(files: Path, tmp_path: Path):
    folder = Path(shutil.copytree(files / "files", tmp_path / "files"))
    (folder / "network_1.onnx").write_bytes(b"")
    said = run(EXAMPLE, folder, files / "images.npy", code=1)
    assert "network_1.onnx was changed after it was exported" in said
    export_ensemble(linear_ensemble(), tmp_path / "none", SPLIT)
    said = run(EXAMPLE, tmp_path / "none", files / "images.npy", code=1)
    assert "none has no cascade: fit one with cotrain cascade RUN" in said
