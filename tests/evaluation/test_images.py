"""The images that a run is tested on: its own again, all of another folder, and what is said."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_folders import noise, write_folder
from training_runs import TINY

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data, Views
from cotrain.data import FileImages, Splits, read_record
from cotrain.ensemble import load_shipped
from cotrain.evaluation.images import images_of_parts, images_to_test
from cotrain.training import fit

SETTINGS: dict[str, Any] = {"image_size": 12, "validation": 0.25, "test": 0.25}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, and a run on them; 18 images train, 6 select and 8 test."""
    root = tmp_path_factory.mktemp("trained")
    write_folder(root / "photos", count=16)
    data = Data(root=str(root / "photos"), **SETTINGS)
    fit(replace(TINY, epochs=1, batch_size=6, data=data), root / "run", progress=False)
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """The same run on a copy of the photos that a test may change."""
    shutil.copytree(trained, tmp_path / "copy")
    for name in ("config.yaml", "split.jsonl"):
        path = tmp_path / "copy" / "run" / name
        path.write_text(path.read_text().replace(str(trained), str(tmp_path / "copy")))
    return tmp_path / "copy"


def images(root: Path, data: Data | None = None) -> Splits:
    return images_to_test(root / "run", load_shipped(root / "run"), data)


def other(folder: Path, **settings: Any) -> Data:
    return Data(root=str(folder), **settings)


def names(splits: Splits, part: str = "test") -> tuple[str, ...]:
    assert splits.record is not None
    return splits.record.parts[part].names


def notes(splits: Splits) -> tuple[str, ...]:
    assert splits.summary is not None
    return splits.summary.notes


def held_out(root: Path) -> tuple[str, ...]:
    record = read_record(RunFolder(root / "run").split)
    assert record is not None
    return record.parts["test"].names


def count(splits: Splits) -> int:
    assert splits.test is not None
    return len(splits.test)


def test_its_own_are_those_that_it_held_out(root: Path) -> None:
    noise(7).save(root / "photos" / "ant" / "000-new.png")
    for found in (images(root), images(root, other(root / "photos"))):
        assert (names(found), count(found)) == (held_out(root), 8)
        assert len(found.train) == 0
        assert notes(found) == ("1 images were added since (ant/000-new.png): they are not used",)


def test_wherever_they_were_moved(root: Path) -> None:
    moved = (root / "photos").rename(root / "moved")
    with pytest.raises(ConfigError, match=r"photos' is not a folder"):
        images(root)
    assert names(images(root, other(moved))) == held_out(root)


def test_what_it_held_out_has_to_be_there(root: Path) -> None:
    (root / "photos" / held_out(root)[0]).unlink()
    for data in (None, other(root / "photos")):
        with pytest.raises(ConfigError, match=r"1 of the images .* are missing"):
            images(root, data)


def test_all_labelled_images_of_another_folder(root: Path) -> None:
    write_folder(root / "new", count=3, seed=5)
    found = images(root, other(root / "new"))
    assert (count(found), notes(found)) == (6, ())
    some = images(root, other(root / "new", test_images=4))
    assert count(some) == 4


def test_of_images_that_were_trained_on_their_number_is_told(root: Path) -> None:
    """By content, whatever they are called: some of the run's among others."""
    write_folder(root / "new", count=2, seed=5)
    record = read_record(RunFolder(root / "run").split)
    assert record is not None
    for number, name in enumerate(record.parts["train"].names[:3]):
        shutil.copy(root / "photos" / name, root / "new" / name.split("/")[0] / f"x{number}.png")
    found = images(root, other(root / "new"))
    assert count(found) == 7
    assert notes(found) == ("3 of these images were trained on: they say little about others",)


def test_where_files_were_not_read_it_is_told_that_nobody_knows(root: Path) -> None:
    data = Data(root=str(root / "photos"), margin=1.0, scan=False, **SETTINGS)
    experiment = replace(TINY, epochs=1, batch_size=6, data=data, views=Views(crop="resized"))
    fit(experiment, root / "unread", progress=False)
    (root / "run").rename(root / "read")
    (root / "unread").rename(root / "run")
    assert isinstance(images(root).test, FileImages)  # as in training, also without a margin
    write_folder(root / "new", count=2, seed=5)
    assert notes(images(root, other(root / "new"))) == (
        "whether these images were trained on is not known: data.scan was false",
    )


def test_runs_without_a_record_draw_their_split_again(root: Path) -> None:
    before = held_out(root)
    RunFolder(root / "run").split.unlink()
    assert names(images(root)) == before


def test_all_parts_are_those_of_the_run_or_drawn_of_another_folder(root: Path) -> None:
    ensemble = load_shipped(root / "run")
    own = images_of_parts(root / "run", ensemble)
    record = read_record(RunFolder(root / "run").split)
    assert record is not None
    for part in ("train", "val", "test"):
        assert names(own, part) == record.parts[part].names
    with pytest.raises(ConfigError, match=r"data.validation=0.5 would be ignored"):
        images_of_parts(root / "run", ensemble, other(root / "photos", validation=0.5))
    write_folder(root / "new", count=5, seed=5)
    drawn = images_of_parts(root / "run", ensemble, other(root / "new", test=0.4))
    assert (count(drawn), notes(drawn)) == (4, ())


@pytest.mark.parametrize("settings", [{"image_size": 16}, {"validation": 0.3}, {"scan": False}])
def test_what_would_be_ignored_is_refused(root: Path, settings: dict[str, Any]) -> None:
    write_folder(root / "new", count=2, seed=5)
    with pytest.raises(ConfigError, match=r"would be ignored|not what the ensemble was trained"):
        images(root, other(root / "new", **settings))
