"""Image folders as they are laid out on disk."""

import shutil

import pytest
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.data.folders import common_size, folder_source


def test_parts_and_classes_are_found_in_order(write_images):
    write_images("test", count=2, classes=("cat", "ant", "bee"))
    root = write_images("train", count=3, classes=("bee", "cat", "ant"))
    (root / "train" / "ant" / ".hidden.png").write_bytes(b"")
    (root / "train" / "ant" / "notes.txt").write_text("not an image")
    (root / "train" / ".cache").mkdir()
    (root / "train" / "ant" / "below").mkdir()
    Image.new("RGB", (12, 12)).save(root / "train" / "ant" / "below" / "DEEP.JPEG")

    source = folder_source(str(root))

    assert source.classes == ("ant", "bee", "cat")
    assert source.targets.tolist() == [0] * 4 + [1] * 3 + [2] * 3 + [0, 0, 1, 1, 2, 2]
    assert source.parts["train"].tolist() == list(range(10))
    assert source.parts["test"].tolist() == list(range(10, 16))
    assert source.images[3] == str(root / "train" / "ant" / "below" / "DEEP.JPEG")
    assert source.images[0] == str(root / "train" / "ant" / "000.png")


@pytest.mark.parametrize("part", ["", "train"])
def test_one_folder_is_not_split_yet(write_images, part):
    source = folder_source(str(write_images(part)))
    assert list(source.parts) == ["all"]
    assert source.parts["all"].tolist() == list(range(10))


def test_no_root():
    with pytest.raises(ConfigError, match=r"data.root is not set"):
        folder_source(None)


def test_missing_root(tmp_path):
    with pytest.raises(ConfigError, match="nowhere' is not a folder"):
        folder_source(str(tmp_path / "nowhere"))


def test_empty_folder(tmp_path):
    with pytest.raises(ConfigError, match="has 0 class folders"):
        folder_source(str(tmp_path))


def test_one_class(write_images):
    with pytest.raises(ConfigError, match=r"has 1 class folders \['ant'\]"):
        folder_source(str(write_images("train", classes=("ant",))))


def test_class_without_images(write_images):
    root = write_images("train")
    (root / "train" / "cat").mkdir()
    with pytest.raises(ConfigError, match="cat has no image file"):
        folder_source(str(root))


def test_parts_with_different_classes(write_images):
    root = write_images("train")
    write_images("test", classes=("ant", "wasp"))
    with pytest.raises(ConfigError, match=r"different classes, \['bee', 'wasp'\]"):
        folder_source(str(root))


def test_test_without_train(write_images):
    root = write_images("train")
    write_images("test")
    shutil.rmtree(root / "train")
    with pytest.raises(ConfigError, match="has test/ but no train/"):
        folder_source(str(root))


def test_common_size(write_images):
    source = folder_source(str(write_images(size=(17, 17))))
    assert common_size(list(source.images)) == 17


@pytest.mark.parametrize("size", [(12, 13), (13, 13)])
def test_different_sizes_are_for_the_user_to_settle(write_images, size):
    root = write_images()
    Image.new("RGB", size).save(root / "ant" / "000.png")
    with pytest.raises(ConfigError, match=r"2 different sizes\): .* --data.image_size"):
        common_size(list(folder_source(str(root)).images))
