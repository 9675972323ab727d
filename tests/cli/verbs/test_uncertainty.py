"""``cotrain uncertainty``: of a calibrated run, with images of another kind."""

import json
from pathlib import Path

import pytest
from image_folders import write_folder
from training_runs import tiny

from cotrain.cli import main
from cotrain.training import fit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uncertainty") / "run"
    data = {"validation": 0.5, "train_images": 200, "test_images": 300}
    settings = tiny(epochs=3, data=data, co_training={"label_smoothing": 0.1})
    fit(settings, folder, progress=False)
    main(["calibrate", str(folder), "--coverage", "0.8", "--sets", "aps", "--risk", "0.3"])
    return folder


def test_what_was_stored_is_measured_on_the_test_images(run, tmp_path, capsys):
    write_folder(tmp_path / "others")
    written = tmp_path / "uncertainty.json"
    main(
        [
            "uncertainty",
            str(run),
            "--ood",
            str(tmp_path / "others"),
            "--json",
            "--output",
            str(written),
        ]
    )
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(written.read_bytes())
    main(["evaluate", str(run), "--json"])
    evaluated = json.loads(capsys.readouterr().out)
    assert found["images"] == evaluated["images"] == 300
    assert found["errors"] == round(300 * (1 - evaluated["ensemble"]["top1"]))
    assert found["reliability"]["ece"] == evaluated["ensemble"]["ece"]
    assert found["uncalibrated"]["brier"] == evaluated["uncalibrated"]["brier"]
    assert found["sets"]["rule"]["method"] == "aps"
    assert found["sets"]["covered"] > 0.7
    assert found["abstention"]["rule"]["risk"] == 0.3
    assert all(0 <= each["other"] <= 1 for each in found["signals"].values())


def test_tables_and_cautions(run, capsys):
    main(["uncertainty", str(run)])
    out = " ".join(capsys.readouterr().out.split())
    for said in ("not calibrated", "the answers", "maximum probability", "Sets of classes (aps)"):
        assert said in out
    assert "label_smoothing=0.1: it is known to make wrong answers harder to tell" in out
    main(["uncertainty", str(run), "--calibrated", "false"])
    out = capsys.readouterr().out
    assert "not calibrated" not in out
    assert "Sets of classes" not in out


def test_impossible_wishes_are_refused_in_one_line(run, capsys):
    stored = (run / "ensemble" / "calibration.json").read_bytes()
    for flags, message in (
        (["--coverage", "0.999"], "coverage=0.999 takes 999 images to calibrate on, there are 100"),
        (["--coverage", "1.5"], "coverage=1.5 is not in [0, 1)"),
        (["--risk", "-1"], "risk=-1.0 is not in [0, 1)"),
    ):
        with pytest.raises(SystemExit) as error:
            main(["calibrate", str(run), *flags])
        assert error.value.code == 2
        assert message in capsys.readouterr().err
    assert (run / "ensemble" / "calibration.json").read_bytes() == stored
