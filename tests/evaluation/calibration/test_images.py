"""The images to calibrate on: those that the run kept, those that selected, or others."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_folders import write_folder
from training_runs import TINY

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import CoTrainingOptions, Data
from cotrain.data import SplitRecord, read_record
from cotrain.ensemble import load_shipped
from cotrain.evaluation.calibration.images import ImagesToCalibrate, images_to_calibrate
from cotrain.training import fit

SETTINGS: dict[str, Any] = {"image_size": 12, "validation": 0.25, "test": 0.25}


def trained(root: Path, calibration: float | str, *, together: bool = True) -> Path:
    write_folder(root / "photos", count=16)
    data = Data(root=str(root / "photos"), calibration=calibration, **SETTINGS)  # type: ignore[arg-type]
    options = CoTrainingOptions() if together else CoTrainingOptions(weight=0, together=False)
    experiment = replace(TINY, epochs=1, batch_size=6, data=data, co_training=options)
    fit(experiment, root / "run", progress=False)
    return root


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, and a run on them: 18 train, 6 select, 6 are kept and 8 test."""
    return trained(tmp_path_factory.mktemp("keeping"), 6)


@pytest.fixture(scope="module")
def selecting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("selecting"), "none")


def images(root: Path, data: Data | None = None) -> ImagesToCalibrate:
    return images_to_calibrate(root / "run", load_shipped(root / "run"), data)


def record_of(root: Path) -> SplitRecord:
    record = read_record(RunFolder(root / "run").split)
    assert record is not None
    return record


def test_a_run_keeps_them_apart_from_all_others(keeping: Path):
    parts = record_of(keeping).parts
    assert {name: len(part.names) for name, part in parts.items()} == {
        "train": 12,
        "val": 6,
        "calibration": 6,
        "test": 8,
    }
    assert len({name for part in parts.values() for name in part.names}) == 32
    assert '"calibration"' in RunFolder(keeping / "run").data.read_text()


def test_those_that_were_kept_come_before_those_that_selected(keeping: Path):
    found = images(keeping)
    assert (found.fitted_on, found.selected_checkpoint) == ("calibration", False)
    assert tuple(found.images.targets.tolist()) == record_of(keeping).parts["calibration"].targets
    assert list(found.summary.parts) == ["calibration"]


def test_otherwise_those_that_selected_and_it_is_said(selecting: Path):
    found = images(selecting)
    assert (found.fitted_on, found.selected_checkpoint) == ("validation", True)
    assert tuple(found.images.targets.tolist()) == record_of(selecting).parts["val"].targets


def test_networks_trained_one_by_one_select_nothing(tmp_path: Path):
    assert not images(trained(tmp_path, "none", together=False)).selected_checkpoint


def test_wherever_they_were_moved(keeping: Path, tmp_path: Path):
    moved = Data(root=str(shutil.copytree(keeping / "photos", tmp_path / "moved")))
    assert images(keeping, moved).fitted_on == "calibration"
    with pytest.raises(ConfigError, match=r"data.calibration=0.5 would be ignored"):
        images(keeping, replace(moved, calibration=0.5))


def test_all_labelled_images_of_another_folder(keeping: Path, tmp_path: Path):
    found = images(keeping, Data(root=str(write_folder(tmp_path / "new", count=3, seed=5))))
    assert (found.fitted_on, found.selected_checkpoint, len(found.images)) == ("other", False, 6)
    assert found.summary.notes == ()


@pytest.mark.parametrize(("part", "message"), [("train", "trained on"), ("test", "is tested on")])
def test_images_that_the_run_has_used_are_refused(
    keeping: Path, tmp_path: Path, part: str, message: str
):
    root = write_folder(tmp_path / "new", count=3, seed=5)
    name = record_of(keeping).parts[part].names[0]
    shutil.copy(keeping / "photos" / name, root / "ant" / "x.png")
    with pytest.raises(ConfigError, match=rf"1 of its images \(ant/x.png\) .* run {message}: take"):
        images(keeping, Data(root=str(root)))


def test_others_that_selected_are_told(keeping: Path, tmp_path: Path):
    root = write_folder(tmp_path / "new", count=3, seed=5)
    name = record_of(keeping).parts["val"].names[0]
    shutil.copy(keeping / "photos" / name, root / "ant" / "x.png")
    found = images(keeping, Data(root=str(root)))
    assert (found.fitted_on, found.selected_checkpoint, len(found.images)) == ("other", True, 7)


def test_an_ensemble_without_its_run_takes_others_alone(keeping: Path, tmp_path: Path):
    moved = Path(shutil.copytree(keeping / "run" / "ensemble", tmp_path / "moved"))
    ensemble = load_shipped(moved)
    with pytest.raises(ConfigError, match=r"does not say which images to take: give --data"):
        images_to_calibrate(moved, ensemble)
    other = Data(root=str(write_folder(tmp_path / "new", count=3, seed=5)))
    assert images_to_calibrate(moved, ensemble, other).fitted_on == "other"
