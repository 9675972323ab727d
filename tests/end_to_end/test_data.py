"""A folder of images as a user has it: what is told of it, and what changes are noticed later."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command import call
from image_folders import noise, write_folder

from cotrain.basics.run_folder import RunFolder
from cotrain.data import read_record

WORDS = (
    *("train", "--config", "imagefolder", "--network", "basic_resnet8_4", "--into", "2"),
    *("--epochs", "1", "--batch-size", "6", "--data.validation", "0.25", "--progress", "false"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``photos`` with one file that is no image, and the run ``run`` on them."""
    root = tmp_path_factory.mktemp("end")
    write_folder(root / "photos", count=15, classes=("ant", "bee"))
    (root / "photos" / "ant" / "scan.heic").touch()
    code, out, err = call(*WORDS, "--data.root", "photos", "--output", "run", cwd=root)
    assert (code, err) == (0, "")
    assert "  train: 18 images (9 of each class), the folder" in out.splitlines()
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may change; the run has not been tested yet."""
    shutil.copytree(trained, tmp_path / "copy")
    (tmp_path / "copy" / "run" / "evaluation.json").unlink()
    return tmp_path / "copy"


def test_data_json_says_what_the_user_was_told(trained: Path) -> None:
    told = json.loads(RunFolder(trained / "run").data.read_bytes())
    record = read_record(RunFolder(trained / "run").split)
    assert record is not None
    assert (told["dataset"], told["root"], told["classes"]) == ("imagefolder", "photos", 2)
    assert {name: part["images"] for name, part in told["parts"].items()} == {
        "train": 18,
        "val": 6,
        "test": 6,
    }
    assert told["parts"]["train"]["smallest"] == ["ant", 9]
    assert told["parts"]["test"]["origin"] == "0.2 of the folder, drawn"
    assert told["tested_on"] == "test"
    assert told["left_out"] == {".heic": 1}
    assert told["preprocessing"]["image_size"] == 12
    assert told["fitting"].startswith("images of 12 x 12 pixels, RGB: the shorter side resized")
    assert told["digest"] == record.digest
    names = {name for part in record.parts.values() for name in part.names}
    assert names == {f"{c}/{i:03}.png" for c in ("ant", "bee") for i in range(15)}


def swap(photos: Path) -> None:
    for old, new in (("ant", "tmp"), ("bee", "ant"), ("tmp", "bee")):
        (photos / old).rename(photos / new)


def remove(photos: Path) -> None:
    shutil.rmtree(photos / "bee")


def rename(photos: Path) -> None:
    (photos / "bee").rename(photos / "wasp")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename, "15 of the images that the run remembers are missing (bee/"),
        (remove, "15 of the images that the run remembers are missing (bee/"),
        (swap, "of the images that the run remembers are changed (ant/"),
    ],
)
def test_classes_that_were_changed_stop_resume(
    root: Path, change: Callable[[Path], None], message: str
) -> None:
    change(root / "photos")
    code, out, err = call("train", "--resume", "run", cwd=root)
    assert (code, out) == (2, "")
    assert (err.count("\n"), err.startswith("cotrain: "), message in err) == (1, True, True)


def test_a_class_that_was_added_is_told_and_not_used(root: Path) -> None:
    before = RunFolder(root / "run").predictions.read_bytes()
    (root / "photos" / "wasp").mkdir()
    noise(3).save(root / "photos" / "wasp" / "000.png")
    note = "  1 images were added since (wasp/000.png): they are not used"
    code, out, err = call("train", "--resume", "run", "--progress", "false", cwd=root)
    assert (code, err) == (0, "")
    assert note in out.splitlines()
    assert RunFolder(root / "run").predictions.read_bytes() == before
    code, _, err = call("evaluate", "run", "--json", cwd=root)
    assert code == 0
    assert note in err.splitlines()


def test_a_split_that_is_lost_is_not_drawn_anew_of_other_images(root: Path) -> None:
    """The checkpoint knows which images it was trained on."""
    RunFolder(root / "run").split.unlink()
    noise(3).save(root / "photos" / "ant" / "000-new.png")
    code, _, err = call("train", "--resume", "run", cwd=root)
    assert code == 2
    assert "are not those that the run was trained on: restore them" in err
