"""Many files at once: their sizes, their damage."""

import os
from hashlib import blake2b
from pathlib import Path

import pytest
from image_folders import noise
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.data.folders import folder_source
from cotrain.data.reading import common_size, decode_files, scan_files
from cotrain.ensemble.preprocessing import Preprocessing


def test_common_size(write_images):
    source = folder_source(str(write_images(size=(17, 17))))
    assert common_size(source.readables(source.parts["all"])) == 17


@pytest.mark.parametrize("size", [(12, 13), (13, 13)])
def test_different_sizes_are_for_the_user_to_settle(write_images, size):
    root = write_images()
    Image.new("RGB", size).save(root / "ant" / "000.png")
    source = folder_source(str(root))
    with pytest.raises(ConfigError, match=r"2 different sizes\): .* --data.image_size"):
        common_size(source.readables(source.parts["all"]))


ENDINGS = ("avif", "bmp", "dds", "gif", "ico", "jp2", "jpg", "pcx", "png", "ppm", "qoi", "tga")


def test_what_is_digested_is_the_whole_file_whatever_decoded_it(tmp_path):
    paths = [str(tmp_path / f"image.{ending}") for ending in (*ENDINGS, "sgi", "tif", "webp")]
    for path in paths:
        noise(1, (32, 32)).save(path)
    noise(2, (32, 32)).save(tmp_path / "packed.tif", compression="tiff_lzw")
    paths.append(str(tmp_path / "packed.tif"))
    shape = Preprocessing(image_size=32, in_channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    _, decoded = decode_files(paths, shape)
    for found in (decoded, scan_files(paths, 3)):
        assert found.failed == {}
        assert found.sizes == [Path(path).stat().st_size for path in paths]
        assert found.contents == [
            blake2b(Path(path).read_bytes(), digest_size=8).hexdigest() for path in paths
        ]


def test_what_cannot_be_read_has_a_reason(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "text.png").write_text("no image")
    paths = [str(tmp_path / name) for name in ("pipe.png", "gone.png", "text.png")]
    found = scan_files(paths, 3)
    assert found.failed == {
        0: "not a regular file",
        1: "No such file or directory",
        2: "not an image",
    }
    assert found.contents == ["", "", ""]
