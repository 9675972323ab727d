"""Images that a table names: the same parts and classes as in folders, whatever its order."""

from dataclasses import replace
from pathlib import Path

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data.folders import folder_source
from cotrain.data.opening import load_splits, load_test
from cotrain.data.tables import table_source


@pytest.fixture
def photos(write_images, tmp_path):
    """A table of a folder's images, in reverse."""
    write_images("photos", count=6)
    source = folder_source(str(tmp_path / "photos"))
    names = source.names(range(len(source.images)))
    rows = [f"photos/{name},{name.split('/')[0]}" for name in reversed(names)]
    (tmp_path / "photos.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    return Data(dataset="csv", table=str(tmp_path / "photos.csv"), image_size=12)


def _edit(data, old, new):
    path = Path(data.table)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_table_is_split_as_the_folder_that_it_names(photos, tmp_path):
    folder = Data(dataset="imagefolder", root=str(tmp_path / "photos"), image_size=12)
    by_table, by_folder = load_splits(photos), load_splits(folder)
    assert by_table.classes == by_folder.classes == ("ant", "bee")
    assert by_table.test_files == tuple(f"photos/{name}" for name in by_folder.test_files)
    for one, other in ((by_table.train, by_folder.train), (by_table.test, by_folder.test)):
        assert one is not None
        assert other is not None
        assert one.targets.equal(other.targets)
        assert one.pixels(range(len(one))).equal(other.pixels(range(len(other))))


def test_parts_are_those_of_the_column(write_images, tmp_path):
    write_images("ant", classes=("of",), count=4)
    write_images("bee", classes=("of",), count=4)
    rows = ["path,label,split"]
    for name in ("ant", "bee"):
        for number, part in enumerate(("test", "train", "train", "val")):
            rows.append(f"{name}/of/00{number}.png,{name},{part}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    source = table_source(Data(table=str(tmp_path / "t.csv")))
    assert {part: len(chosen) for part, chosen in source.parts.items()} == {
        "train": 4,
        "val": 2,
        "test": 2,
    }
    assert source.names(source.parts["val"].tolist()) == ("ant/of/003.png", "bee/of/003.png")
    assert source.title("val") == "the table's val images"


def test_numbers_are_classes_in_the_order_of_numbers(photos):
    _edit(photos, ",ant", ",10")
    _edit(photos, ",bee", ",9")
    assert table_source(photos).classes == ("9", "10")


def test_names_that_differ_in_case_are_told(photos):
    _edit(photos, ",bee", ",Ant")
    said = load_splits(photos).summary
    assert said is not None
    assert "  'Ant' and 'ant' are two classes, case and blanks alone differ" in said.lines()


def test_a_missing_file_is_an_error_or_counted(photos, tmp_path):
    (tmp_path / "photos" / "ant" / "002.png").unlink()
    with pytest.raises(ConfigError, match=r"1 of the 12 images .* \(photos/ant/002.png\): give"):
        table_source(photos)
    lenient = Data(dataset="csv", table=photos.table, image_size=12, unreadable="skip")
    assert table_source(lenient).left_out == {"rows whose file is missing": 1}
    summary = load_splits(lenient).summary
    assert "left out: 1 rows whose file is missing" in str(summary)
    assert "files by its 'path', classes by 'label', no column of parts" in str(summary)


def test_a_part_whose_files_are_all_missing_is_not_drawn_anew(photos, tmp_path):
    path = tmp_path / "photos.csv"
    heading, *rows = path.read_text().split()
    parts = {row: "test" if "/002" in row else "train" for row in rows}
    path.write_text("\n".join([f"{heading},split", *(f"{row},{parts[row]}" for row in rows)]))
    lenient = Data(dataset="csv", table=photos.table, unreadable="skip")
    held_out = sorted((tmp_path / "photos").rglob("002.png"))
    held_out[0].unlink()
    assert len(table_source(lenient).parts["test"]) == len(held_out) - 1
    for each in held_out[1:]:
        each.unlink()
    with pytest.raises(ConfigError, match=r"leaves no image of the test part .*split_column none"):
        table_source(lenient)
    assert table_source(replace(lenient, split_column="none")).parts.keys() == {"all"}


@pytest.mark.parametrize("changed", ["label", "row"])
def test_what_a_run_remembers_is_looked_for_in_the_table(photos, changed):
    record = load_splits(photos).record
    assert record is not None
    tested = record.parts["test"].names[0]
    label = tested.split("/")[1]
    new = f"{tested},{'bee' if label == 'ant' else 'ant'}" if changed == "label" else ""
    _edit(photos, f"{tested},{label}", new)
    with pytest.raises(ConfigError, match=r"1 of .* are left out or of another class now in .*csv"):
        load_splits(photos, remembered=record)


def test_rows_that_were_added_and_a_table_that_is_gone_are_told(photos, write_images, tmp_path):
    first = load_splits(photos)
    write_images("more", count=1)
    with open(photos.table, "a", encoding="utf-8") as file:
        file.write("more/bee/000.png,bee\nmore/none.png,bee\n")
    found = load_splits(photos, remembered=first.record)
    assert found.test_files == first.test_files
    assert "1 images were added since (more/bee/000.png): they are not used" in str(found.summary)
    (tmp_path / "photos.csv").unlink()
    found = load_splits(photos, remembered=first.record)
    assert found.test_files == first.test_files
    assert "is not there any more: classes as the run remembers" in str(found.summary)


def test_a_table_to_test_on_may_lack_a_class_but_has_no_other(photos):
    shape = load_splits(photos).preprocessing
    lines = Path(photos.table).read_text().splitlines()
    Path(photos.table).write_text("\n".join(each for each in lines if "/bee/" not in each))
    found = load_test(photos, keep_files=False, shape=shape, classes=("ant", "bee"))
    assert found.test is not None
    assert found.test.targets.tolist() == [0] * 6
    with pytest.raises(ConfigError, match=r"has the classes \['ant'\], but the classes that are"):
        load_test(photos, keep_files=False, shape=shape, classes=("bee", "cat"))
    with pytest.raises(ConfigError, match=r"has 1 classes .* to train on: give at least two"):
        load_splits(photos)


@pytest.mark.parametrize(
    "settings",
    [
        {"dataset": "imagefolder", "root": "x", "table": "t.csv"},
        {"dataset": "digits", "label_column": "x"},
        {"dataset": "csv", "table": "t.csv", "layout": "classes"},
        {"dataset": "csv", "table": "t.csv", "download": True},
    ],
)
def test_a_setting_that_nothing_heeds(settings):
    with pytest.raises(ConfigError, match="would be ignored"):
        load_splits(Data(**settings))


def test_a_table_alone_names_the_data_set():
    assert Data(table="t.csv", root="x").resolved().dataset == "csv"


def test_a_split_remembers_the_columns_that_named_its_images(photos):
    _edit(photos, "path,label", "path,truth")
    named = replace(photos, label_column="truth")
    first = load_splits(named)
    assert first.record is not None
    again = load_splits(first.record.origin.data, remembered=first.record)
    assert again.test_files == first.test_files
