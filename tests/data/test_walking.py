"""Each real file once, whatever links, tools and systems put beside it."""

import os
import socket
from pathlib import Path

import pytest
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.data.walking import walk


def images(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2)).save(root / name, "PNG")


def names(root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path in walk(root).files]


def test_files_come_by_folder_then_by_name(tmp_path):
    images(tmp_path, "b/2.png", "b/10.png", "b/a/1.png", "a/x.JPEG", "a.b/1.png", "z.gif")
    assert names(tmp_path) == ["z.gif", "a/x.JPEG", "a.b/1.png", "b/10.png", "b/2.png", "b/a/1.png"]
    assert walk(tmp_path).left_out == {}
    (tmp_path / "empty" / "below").mkdir(parents=True)
    folders = {os.path.relpath(path, tmp_path) for path in walk(tmp_path).folders}
    assert folders == {".", "a", "a.b", "b", "b/a", "empty", "empty/below"}


def test_what_is_no_image_is_counted_by_its_ending(tmp_path):
    images(tmp_path, "cat/1.jfif", "cat/2.gif", "cat/3.heic", "cat/4.HEIC", "cat/5", "cat/6.eps")
    assert names(tmp_path) == ["cat/1.jfif", "cat/2.gif"]
    assert walk(tmp_path).left_out == {".heic": 2, "without an ending": 1, ".eps": 1}


@pytest.mark.parametrize(
    "folder", [".ipynb_checkpoints", ".git", "@eaDir", "__MACOSX", "$RECYCLE.BIN", ".thumbnails"]
)
def test_hidden_entries_and_tool_folders_are_passed_over(tmp_path, folder):
    images(tmp_path, "cat/1.png", f"cat/{folder}/deep/copy.png", "cat/._1.png")
    assert names(tmp_path) == ["cat/1.png"]
    assert walk(tmp_path).left_out == {"hidden": 2}


@pytest.mark.parametrize("target", [".", "..", "../..", "/", "../dog", "again", "below"])
def test_links_back_into_the_tree_or_above_it_add_nothing(tmp_path, target):
    root = tmp_path / "photos"
    images(root, "cat/1.png", "cat/below/2.png", "dog/3.png")
    images(tmp_path, "outside.png")
    os.symlink(target, root / "cat" / "again")
    assert names(root) == ["cat/1.png", "cat/below/2.png", "dog/3.png"]
    assert walk(root).left_out.total() == 1
    below = root / "cat"
    expected = ["1.png", *(["again/3.png"] if target == "../dog" else []), "below/2.png"]
    assert names(below) == expected  # of cat alone, dog is not below


def test_two_links_that_lead_to_each_other(tmp_path):
    images(tmp_path / "far", "1.png")
    images(tmp_path / "photos", "cat/0.png")
    os.symlink(tmp_path / "far", tmp_path / "photos" / "cat" / "far")
    os.symlink(tmp_path / "photos", tmp_path / "far" / "photos")
    os.symlink("..", tmp_path / "far" / "up")
    assert names(tmp_path / "photos") == ["cat/0.png", "cat/far/1.png"]
    assert walk(tmp_path / "photos").left_out == {"link to a folder that is walked already": 2}


def test_a_folder_linked_twice_counts_once(tmp_path):
    images(tmp_path / "far", "1.png", "below/2.png")
    root = tmp_path / "photos"
    (root / "cat").mkdir(parents=True)
    for name in ("b", "a"):
        os.symlink(tmp_path / "far", root / "cat" / name)
    os.symlink(tmp_path / "far" / "below", root / "cat" / "c")
    assert names(root) == ["cat/a/1.png", "cat/a/below/2.png"]
    assert walk(root).left_out == {"link to a folder that is walked already": 2}


def test_the_root_may_be_a_link(tmp_path):
    images(tmp_path / "real", "cat/1.png")
    os.symlink(tmp_path / "real", tmp_path / "photos")
    os.symlink(tmp_path / "real", tmp_path / "real" / "cat" / "again")
    assert walk(tmp_path / "photos").files == [str(tmp_path / "photos/cat/1.png")]


def test_each_linked_file_counts_once(tmp_path):
    root = tmp_path / "photos"
    images(root, "cat/1.png", ".annex/abc")
    images(tmp_path, "far.png", "blob")
    for name, target in {
        "2.png": "1.png",  # in the tree
        "3.png": "../../far.png",
        "4.png": "../../far.png",  # the same again
        "5.png": "../../blob",  # called an image here only
        "6.png": "../.annex/abc",
        "7.png": "nowhere",
        "8.png": "8.png",
        "9.txt": "../../far.txt",
    }.items():
        os.symlink(target, root / "cat" / name)
    assert names(root) == ["cat/1.png", "cat/3.png", "cat/5.png", "cat/6.png"]
    assert walk(root).left_out == {
        "link to a file that is found already": 2,
        "broken link": 3,
        "hidden": 1,
    }


def test_pipes_and_sockets_are_passed_over(tmp_path):
    images(tmp_path, "cat/1.png")
    os.mkfifo(tmp_path / "cat" / "2.png")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "cat" / "3.png"))  # paths over 107 bytes are not
        assert names(tmp_path) == ["cat/1.png"]
        assert walk(tmp_path).left_out == {"no regular file": 2}


def test_names_that_are_not_utf8(tmp_path):
    images(tmp_path, "cat/1.png")
    os.rename(tmp_path / "cat/1.png", os.fsencode(tmp_path / "cat") + b"/\xfcber.png")
    [path] = walk(tmp_path).files
    assert os.fsencode(path).endswith(b"/\xfcber.png")
    assert os.path.exists(path)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    images(tmp_path, "cat/1.png", "cat/secret/2.png")
    scandir = os.scandir

    def refusing(folder):  # a root user can read every folder
        if str(folder).endswith("secret"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(ConfigError, match=r"cat/secret cannot be read \(Permission denied\)"):
        walk(tmp_path)
