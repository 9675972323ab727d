"""What cannot be written is refused by name before any work."""

import os

import pytest

from cotrain import ConfigError
from cotrain.basics.output import check_outside, output_file, output_folder


@pytest.mark.parametrize("check", [output_file, output_folder])
def test_what_is_no_name_is_refused(check, tmp_path):
    for name, reason in [
        ("", "is empty"),
        ("a" * 256, "File name too long"),
        ("a/" * 2100, "File name too long"),
        ("a\0b", "null byte"),
    ]:
        with pytest.raises(ConfigError, match=f"--output '.*{reason}") as caught:
            check(name)
        assert "\n" not in str(caught.value)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="Not a directory"):
        check(tmp_path / "file" / "below")


def test_what_is_there_must_be_of_the_kind(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for name in ("pipe", "file"):
        with pytest.raises(ConfigError, match=f"{name} is no folder"):
            output_folder(tmp_path / name)
    for name in (tmp_path / "pipe", tmp_path, "/dev/full"):
        with pytest.raises(ConfigError, match=f"{name} is no regular file"):
            output_file(name)
    assert output_folder(tmp_path) == tmp_path
    assert output_folder(str(tmp_path / "new")) == tmp_path / "new"
    assert output_file(tmp_path / "file") == tmp_path / "file"
    assert not (tmp_path / "new").exists()


def test_a_folder_inside_that_of_the_images_is_refused(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "link").symlink_to("photos")
    for inside in (photos, photos / "runs" / "a", tmp_path / "link" / "a"):
        with pytest.raises(ConfigError, match=r"is inside data\.root="):
            check_outside(inside, str(photos))
    check_outside(tmp_path / "photos-run", photos)
    check_outside(tmp_path, photos)
