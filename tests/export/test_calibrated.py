"""An exported file answers with the calibration of its ensemble, in its own graph."""

from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
import torch

from cotrain import Ensemble
from cotrain.ensemble.calibration import Calibration
from cotrain.export import ExportOptions, export_ensemble, load_exported

CALIBRATIONS = [
    Calibration(combine="mean_logits", temperature=2.5, images=100),
    Calibration(combine="mean_logits", temperature=0.4, weights=(0.8, 0.2), images=100),
    Calibration(combine="mean_probabilities", temperature=0.4, weights=(0.8, 0.2), images=100),
    Calibration(combine="max_logits", temperatures=(3.0, 0.3), images=100),
]


@pytest.mark.parametrize(
    "calibration", CALIBRATIONS, ids=lambda each: f"{each.combine}-{each.method}"
)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("whole.onnx", ExportOptions(format="onnx")),
        ("graph.pt2", ExportOptions(format="torch-export")),
        ("split", ExportOptions(format="torch-export", split=True)),
    ],
)
def test_a_file_answers_as_the_calibrated_ensemble(
    linear_ensemble: Ensemble, pixels, tmp_path: Path, calibration, name, options
):
    ensemble = linear_ensemble
    ensemble.spec = replace(ensemble.spec, combine=calibration.combine, calibration=calibration)
    images = ensemble.prepare(pixels)
    export_ensemble(ensemble, tmp_path / name, options)
    exported = load_exported(tmp_path / name, trust=True)
    assert exported.spec.calibration == calibration
    found = exported.run(pixels)["probabilities"]
    torch.testing.assert_close(found, ensemble.predict(images), rtol=1e-4, atol=1e-5)
    raw = ensemble.predict(images, calibrated=False)
    assert (found - raw).abs().max() > 0.01


def test_runtimes_without_cotrain_get_calibrated_answers(linear_ensemble, pixels, tmp_path: Path):
    ensemble = linear_ensemble
    ensemble.spec = replace(ensemble.spec, calibration=CALIBRATIONS[1])
    export_ensemble(ensemble, tmp_path / "whole.onnx", ExportOptions(format="onnx"))
    session = onnxruntime.InferenceSession(tmp_path / "whole.onnx")
    (found,) = session.run(["probabilities"], {"images": pixels.float().numpy()})
    expected = ensemble.predict(ensemble.prepare(pixels))
    torch.testing.assert_close(torch.tensor(found), expected, rtol=1e-4, atol=1e-5)
