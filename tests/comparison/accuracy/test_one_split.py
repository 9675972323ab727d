"""Every candidate and seed is trained and tested on the images that the comparison remembers."""

import json
import shutil
from dataclasses import replace

import pytest
from image_folders import noise, write_folder
from training_runs import TINY

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.compare import compare
from cotrain.config import Data
from cotrain.data import read_record
from cotrain.training import fit

RUNS = ("s1-seed0", "s2-seed0")
pytestmark = pytest.mark.usefixtures("in_this_process")


def compared(root):
    """A comparison in the folder, of images beside it."""
    data = Data(root=str(root / "photos"), image_size=12, validation="none", test=0.25)
    experiment = replace(TINY, data=data, epochs=1, batch_size=8)
    return compare(
        experiment, root / "out", into=(1, 2), seeds=(0,), independent=False, jobs=1, train=fit
    )


@pytest.fixture
def done(tmp_path):
    write_folder(tmp_path / "photos", count=16)
    compared(tmp_path)
    return tmp_path


def digests(root):
    folders = [root / "out", *(root / "out" / name for name in RUNS)]
    records = [read_record(RunFolder(folder).split) for folder in folders]
    return [record and record.digest for record in records]


def forget(root, *names):
    for name in names:
        shutil.rmtree(root / "out" / name)


def test_all_runs_have_the_split_of_the_comparison(done):
    assert len(set(digests(done))) == 1
    told = [json.loads((done / "out" / name / "data.json").read_bytes()) for name in (".", *RUNS)]
    assert [each["parts"]["test"]["images"] for each in told] == [8, 8, 8]
    assert {each["digest"] for each in told} == set(digests(done))
    assert told[0]["parts"]["test"]["origin"] == "0.25 of the folder, drawn"


def test_a_restarted_comparison_keeps_it_where_images_were_added(done, capsys):
    before = digests(done)
    noise(7).save(done / "photos" / "ant" / "000-new.png")
    forget(done, "s2-seed0")
    capsys.readouterr()
    assert compared(done).images == 8
    assert digests(done) == before
    said = capsys.readouterr().err.splitlines()
    assert "  1 images were added since (ant/000-new.png): they are not used" in said
    assert sum(line.startswith("data: ") for line in said) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda photos: (photos / "ant" / "003.png").unlink(), "1 of the images .* are missing"),
        (lambda photos: noise(1, (9, 9)).save(photos / "bee" / "001.png"), "are changed"),
        (lambda photos: (photos / "bee").rename(photos / "wasp"), "16 of the images .* missing"),
    ],
)
def test_a_changed_folder_is_refused_before_anything_is_trained(done, change, message):
    change(done / "photos")
    forget(done, "s2-seed0")
    with pytest.raises(ConfigError, match=message):
        compared(done)
    assert not (done / "out" / "s2-seed0").exists()


def test_a_run_on_other_images_is_refused(done):
    noise(7).save(done / "photos" / "ant" / "000-new.png")
    forget(done, "s2-seed0")
    (done / "out" / "split.jsonl").rename(done / "split.jsonl")
    experiment = replace(TINY, data=Data(root=str(done / "photos"), image_size=12), epochs=1)
    fit(replace(experiment, batch_size=8), done / "other", progress=False)
    shutil.copy(done / "other" / "split.jsonl", done / "out" / "split.jsonl")
    with pytest.raises(ConfigError, match=r"s1-seed0 holds a run that was trained and tested on"):
        compared(done)


def test_a_comparison_that_has_no_split_takes_that_of_its_runs(done):
    before = digests(done)
    (done / "out" / "split.jsonl").unlink()
    noise(7).save(done / "photos" / "ant" / "000-new.png")
    forget(done, "s2-seed0")
    compared(done)
    assert digests(done) == before
