"""Image folders as they are laid out on disk."""

import shutil

import pytest
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.data.folders import folder_source, image_files


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


@pytest.mark.parametrize("make_folder", [False, True])
def test_parts_that_are_held_out_may_lack_a_class(write_images, make_folder):
    root = write_images("train", classes=("ant", "bee", "cat"))
    write_images("test", count=2, classes=("ant", "cat"))
    if make_folder:
        (root / "test" / "bee").mkdir()
    source = folder_source(str(root))
    assert source.classes == ("ant", "bee", "cat")
    assert source.targets[source.parts["test"]].tolist() == [0, 0, 2, 2]


def test_parts_that_are_held_out_have_no_class_of_their_own(write_images):
    root = write_images("train")
    write_images("val", classes=("ant", "wasp"))
    with pytest.raises(ConfigError, match=r"val has the class folders \['wasp'\], but .*'bee'"):
        folder_source(str(root))


def test_a_part_without_images(write_images):
    root = write_images("train")
    (root / "val" / "ant").mkdir(parents=True)
    (root / "val" / "ant" / "1.heic").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"val has no image file \(passed over: 1 .heic\)"):
        folder_source(str(root))


def test_test_without_train(write_images):
    root = write_images("train")
    write_images("test")
    shutil.rmtree(root / "train")
    with pytest.raises(ConfigError, match="has test/ but no train/"):
        folder_source(str(root))


PARTS = [
    (("train", "val", "test"), ("train", "val", "test")),
    (("training", "valid", "testing"), ("train", "val", "test")),
    (("TRAIN", "Validation"), ("train", "val")),
    (("Train", "Test"), ("train", "test")),
]


@pytest.mark.parametrize(("names", "parts"), PARTS)
@pytest.mark.parametrize("layout", ["auto", "parts"])
def test_parts_are_called_as_people_call_them(write_images, names, parts, layout):
    root, *_ = [write_images(name, count=count) for count, name in enumerate(names, start=2)]
    source = folder_source(str(root), layout)
    assert source.titles == {part: f"{name}/" for part, name in zip(parts, names, strict=True)}
    assert source.classes == ("ant", "bee")
    for count, part in enumerate(parts, start=2):
        assert len(source.parts[part]) == 2 * count


@pytest.mark.parametrize(
    "names",
    [
        ("train", "dev"),
        ("train", "holdout"),
        ("train2017", "val2017"),
        ("training_set", "test_set"),
        ("TrainImages", "TestImages"),
        ("train", "tets"),
        ("cat", "val"),
    ],
)
def test_names_that_are_not_understood_as_parts(write_images, names):
    root, *_ = [write_images(name) for name in names]
    with pytest.raises(ConfigError, match=r"not understood as a part .* --data.layout classes"):
        folder_source(str(root))
    source = folder_source(str(root), "classes")
    assert source.classes == tuple(sorted(names))
    assert len(source.parts["all"]) == 20


def test_one_part_under_two_names(write_images):
    write_images("train")
    write_images("val")
    root = write_images("valid")
    with pytest.raises(ConfigError, match="val/ and valid/, which both mean val"):
        folder_source(str(root))


@pytest.mark.parametrize(
    "classes", [("bus", "car", "train"), ("Test", "cat"), ("bullet train", "test tube", "cat")]
)
def test_classes_may_be_called_train_or_test(write_images, classes):
    source = folder_source(str(write_images(classes=classes)))
    assert source.classes == tuple(sorted(classes))
    assert list(source.parts) == ["all"]
    assert source.titles == {}


def test_a_class_called_train_that_has_folders_is_for_the_user_to_tell(write_images):
    write_images("train", classes=("steam", "diesel"))
    root = write_images("", classes=("bus", "car"))
    with pytest.raises(ConfigError, match="bus/ beside train/ is not understood"):
        folder_source(str(root))
    assert folder_source(str(root), "classes").classes == ("bus", "car", "train")


@pytest.mark.parametrize("layout", ["auto", "parts"])
def test_parts_without_class_folders(write_images, layout):
    root = write_images(classes=("train", "test"))
    with pytest.raises(ConfigError, match="holds images but no folders of classes"):
        folder_source(str(root), layout)
    assert folder_source(str(root), "classes").classes == ("test", "train")


def test_folders_without_images_beside_parts_do_not_matter(write_images):
    root = write_images("train")
    (root / "annotations" / "xml").mkdir(parents=True)
    (root / "annotations" / "xml" / "1.xml").write_text("")
    assert list(folder_source(str(root)).titles) == ["all"]


def test_images_in_no_class_folder_are_left_out(write_images):
    root = write_images("train")
    write_images("test")
    for place in (root, root / "train"):
        Image.new("L", (2, 2)).save(place / "stray.png")
    source = folder_source(str(root))
    assert len(source.images) == 20
    assert source.left_out == {"in no class folder": 2}


def test_one_name_in_two_unicode_forms_is_one_class(write_images):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    root = write_images("train", classes=(composed, "bar"))
    write_images("train", classes=(decomposed,), count=2)
    write_images("test", classes=(decomposed, "bar"), count=3)
    source = folder_source(str(root))
    assert source.classes == ("bar", composed)
    assert source.targets[source.parts["train"]].tolist() == [0] * 5 + [1] * 7
    assert source.targets[source.parts["test"]].tolist() == [0] * 3 + [1] * 3


def test_classes_that_are_known_need_not_all_be_there(write_images):
    root = write_images(classes=("bee",), count=1)
    source = folder_source(str(root), classes=("ant", "bee", "cat"))
    assert source.targets.tolist() == [1]
    with pytest.raises(ConfigError, match=r"\['bee'\], but the classes .* \['ant'\]"):
        folder_source(str(root), classes=("ant",))


def test_a_test_folder_alone_with_known_classes(write_images):
    root = write_images("test", count=2)
    source = folder_source(str(root), classes=("ant", "bee"))
    assert source.parts["test"].tolist() == [0, 1, 2, 3]


def test_image_files_are_found_whatever_their_folders_are_called(write_images):
    root = write_images("train", count=1)
    write_images("", count=1)
    assert image_files(root).files == [str(root / name) for name in sorted(image_names(root))]
    (root / "empty").mkdir()
    with pytest.raises(ConfigError, match="empty has no image file: give another folder"):
        image_files(root / "empty")


def image_names(root):
    return [path.relative_to(root) for path in root.rglob("*.png")]
