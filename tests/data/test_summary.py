"""What the user is told of the data."""

import json
from collections import Counter

import torch

from cotrain.data.summary import DataSummary, alike_names, fitting, part_summary, show_files
from cotrain.data.walking import Walk
from cotrain.ensemble.preprocessing import Preprocessing

CLASSES = ("ant", "bee", "cat")
SHAPE = Preprocessing(image_size=32, in_channels=3, mean=(0.5,) * 3, std=(0.25,) * 3, margin=1.15)


def summary(**changes):
    values = {
        "dataset": "imagefolder",
        "root": "photos",
        "classes": 3,
        "parts": {
            "train": part_summary(
                torch.tensor([0, 0, 0, 1, 2, 2]), ("ant", "bee", "cat"), "Train/"
            ),
            "test": part_summary(torch.tensor([0, 1, 2]), ("ant", "bee", "cat"), "Test/"),
        },
        "tested_on": "test",
        "preprocessing": SHAPE,
        "fitting": fitting(SHAPE, cropped=True),
        "left_out": {".heic": 2, "hidden": 1},
    }
    return DataSummary(**(values | changes))


def test_the_lines_say_what_is_trained_and_tested_on():
    assert summary().lines() == [
        "data: imagefolder in photos, 3 classes",
        "  train: 6 images (1 of bee to 3 of ant), Train/",
        "  test: 3 images (1 of each class), Test/",
        "  images of 32 x 32 pixels, RGB: the shorter side resized to 36 pixels, the centre cut "
        "out; in training a random area cut out; mean 0.5000, 0.5000, 0.5000, "
        "deviation 0.2500, 0.2500, 0.2500",
        "  left out: 2 .heic, 1 hidden",
    ]


def test_what_else_there_is_to_say():
    lines = summary(tested_on="val", left_out={}, notes=("3 images were added since",)).lines()
    assert lines[3] == "  the images that select the checkpoint test too: there are no others"
    assert lines[-1] == "  3 images were added since"


def test_classes_that_may_be_one_are_told():
    assert alike_names(("ant", "bee", "cat")) == ()
    told = "'Cat' and 'cat' are two classes, case and blanks alone differ"
    assert alike_names(("Cat", "bee", "cat")) == (told,)
    assert alike_names(("A", "B", "a", "b ")) == (
        "'A' and 'a' are two classes, case and blanks alone differ, and 1 more such pairs",
    )


def test_names_of_others_cannot_steer_the_terminal(capsys):
    summary(root="a\x1b[31mb\n\udcff").show()
    first = capsys.readouterr().err.splitlines()[0]
    assert first == r"data: imagefolder in a\x1b[31mb\n\udcff, 3 classes"


def test_the_file_holds_the_same(tmp_path):
    summary(digest="abc").write(tmp_path / "data.json")
    record = json.loads((tmp_path / "data.json").read_bytes())
    assert record["parts"]["train"] == {
        "images": 6,
        "origin": "Train/",
        "smallest": ["bee", 1],
        "largest": ["ant", 3],
    }
    assert record["left_out"] == {".heic": 2, "hidden": 1}
    assert record["preprocessing"]["margin"] == 1.15
    assert record["digest"] == "abc"


def test_images_without_classes(capsys):
    found = Walk(files=["a.png", "b.png"], left_out=Counter({".heic": 2, "hidden": 1}))
    show_files(["photos\x07", "c"], found, 1, SHAPE)
    assert capsys.readouterr().err.splitlines() == [
        r"images: 2 in photos\x07 c",
        "  images of 32 x 32 pixels, RGB: the shorter side resized to 36 pixels, the centre cut "
        "out; mean 0.5000, 0.5000, 0.5000, deviation 0.2500, 0.2500, 0.2500",
        "  left out: 2 .heic, 1 hidden",
        "  without an answer: 1, whose rows say why",
    ]
