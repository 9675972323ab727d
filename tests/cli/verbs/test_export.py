"""``cotrain export`` and ``cotrain predict FILE``: what is printed, and errors on one line."""

import numpy as np
import pytest
from PIL import Image

from cotrain.cli.command import main


@pytest.fixture
def folder(ensemble, tmp_path):
    ensemble.save(tmp_path / "ensemble")
    return tmp_path / "ensemble"


def test_export_then_predict(folder, tmp_path, capsys):
    output = tmp_path / "ensemble.pt2"
    main(["export", str(folder), "--format", "torch-export", "--output", str(output)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{output}: 0.")
    assert lines[0].endswith("S=2, takes pixels in 0..255 [batch, 1, 8, 8]")
    assert lines[1].startswith("max difference from PyTorch: probabilities 0.0e+00,")

    image = tmp_path / "image.png"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(image)
    rows = []
    for path in (folder, output):
        main(["predict", str(path), str(image), "--format", "csv", "--trust"])
        rows.append(capsys.readouterr().out.splitlines()[1].split(","))
    assert rows[0][1] == rows[1][1]
    assert float(rows[0][2]) == pytest.approx(float(rows[1][2]), abs=1e-6)


def test_switches_need_no_value(folder, tmp_path, capsys):
    output = tmp_path / "split"
    words = ["--format", "torch-export", "--split", "--normalize", "false", "--output", str(output)]
    main(["export", str(folder), *words])
    assert "takes normalised images" in capsys.readouterr().out
    assert sorted(path.name for path in output.iterdir()) == [
        "manifest.json",
        "network_0.pt2",
        "network_1.pt2",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "tflite", "--output", "f.onnx"], "tflite"),
        (["--format", "onnx", "--output", "absent/f.onnx"], "there is no folder absent"),
        (["--format", "onnx", "--output", "f.onnx", "--precision", "int8"], "give --data.dataset"),
    ],
)
def test_errors_are_one_line(folder, words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["export", str(folder), *words])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_no_ensemble_is_one_line(tmp_path, capsys):
    output = str(tmp_path / "f.onnx")
    with pytest.raises(SystemExit) as caught:
        main(["export", str(tmp_path), "--format", "onnx", "--output", output])
    assert caught.value.code == 2
    assert "is not an ensemble" in capsys.readouterr().err
