"""``cotrain uncertainty``: of a calibrated run, with images of another kind."""

import json
import shutil
from pathlib import Path

import pytest
from image_folders import write_folder
from PIL import Image
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


def test_a_run_is_not_answered_for_again_but_other_images_are(run, tmp_path, capsys, monkeypatch):
    """The answers that it has kept are those that its networks give."""
    main(["uncertainty", str(run), "--json"])
    found = json.loads(capsys.readouterr().out)
    shutil.copytree(run / "ensemble", tmp_path / "ensemble")
    other = ["--data.dataset", "digits", "--data.train_images", "200", "--data.test_images", "300"]
    main(["uncertainty", str(tmp_path / "ensemble"), *other, "--json"])
    answered = json.loads(capsys.readouterr().out)
    assert answered["errors"] == found["errors"]
    assert answered["reliability"]["ece"] == pytest.approx(found["reliability"]["ece"])

    def refuse(*_, **__):
        raise AssertionError("answered")

    monkeypatch.setattr("cotrain.evaluation.evaluate.collect_logits", refuse)
    main(["uncertainty", str(run), "--json"])
    assert json.loads(capsys.readouterr().out) == found
    with pytest.raises(AssertionError, match="answered"):
        main(["uncertainty", str(run), *other])


def test_a_folder_gets_the_record_and_its_pictures(run, tmp_path, capsys):
    main(["uncertainty", str(run), "--output", str(tmp_path / "trust"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "trust" / "uncertainty.json").read_bytes())
    assert list(found["bins"]) == ["the answers", "not calibrated"]
    assert sum(each["images"] for each in found["bins"]["the answers"]) == 300
    for name in ("risk-coverage", "reliability"):
        with Image.open(tmp_path / "trust" / f"{name}.png") as picture:
            assert picture.format == "PNG"


def test_its_own_images_are_no_others(run, capsys):
    for flags, message in (
        (["--ood", "digits"], "ood=digits is what the run was trained on: give another data set"),
        (["--ood_root", "/data"], "ood_root=/data would be ignored: give --ood NAME"),
    ):
        with pytest.raises(SystemExit) as error:
            main(["uncertainty", str(run), *flags])
        assert error.value.code == 2
        assert message in capsys.readouterr().err


def test_a_risk_out_of_reach_is_said_as_calibrate_does(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "run")
    main(["calibrate", str(copy), "--risk", "0.001"])
    said = "No probability is large enough for 0.1% of wrong answers."
    assert said in capsys.readouterr().out
    main(["uncertainty", str(copy)])
    assert said in capsys.readouterr().out


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
