"""The rows of a table: what is understood, and what is refused with its place."""

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data.labelled import read_labelled


@pytest.fixture
def labelled(tmp_path):
    def read(text, **settings):
        path = tmp_path / "photos.csv"
        path.write_text(text)
        return read_labelled(Data(dataset="csv", table=str(path), **settings))

    return read


def test_usual_columns_are_found_in_any_case_and_order(labelled, tmp_path):
    found = labelled("id,Class,Image_Path,Subset\n1,ant,a/1.png,Training\n2,bee,b.png,valid\n")
    assert found.classes == {"a/1.png": "ant", "b.png": "bee"}
    assert found.parts == {"a/1.png": "train", "b.png": "val"}
    assert found.columns == ("Image_Path", "Class", "Subset")
    assert found.root == str(tmp_path)


def test_columns_that_are_named(labelled):
    text = "path,label,where,what,split\na,x,b,y,test\n"
    found = labelled(text, path_column="where", label_column="what", split_column="none")
    assert (found.classes, found.parts) == ({"b": "y"}, None)


def test_paths_are_below_the_root(labelled, tmp_path):
    inside = tmp_path / "images"
    inside.mkdir()
    found = labelled(f"path,label\n{inside}/a.png,x\n./b//c.png,y\n", root=str(inside))
    assert list(found.classes) == ["a.png", "b/c.png"]
    assert found.root == str(inside)


def test_names_of_classes_are_composed(labelled):
    assert set(labelled("path,label\na,cafe\u0301\nb,caf\u00e9\n").classes.values()) == {
        "caf\u00e9"
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path,label\n", "has no rows"),
        ("", "no column called path or file"),
        ("path,kind\na,x\n", r"no column called label or class .* but \['path', 'kind'\]"),
        ("path,file,label\na,b,x\n", r"\['path', 'file'\], each of which may be the path"),
        ("path,label\na,x\nb,\n", "line 3 has no label: fill it in, or remove the row"),
        ("path,label\na,NaN\n", "line 2 has no label"),
        ("path,label\n,x\n", "line 2 has no path"),
        ("path,label\na,x\nb,3.0\n", "line 3 has label 3.0, a number that is not written whole"),
        ("path,label\na, x\n", "line 2 has label ' x', with spaces around it"),
        ("path,label\na,x\n./a,y\n", "line 3 names './a' again, after line 2"),
        ("path,label\n../a,x\n", r"line 2 names '../a', which is not below"),
        ("path,label\n/etc/a,x\n", r"line 2 names '/etc/a', which is not below"),
        ("path,label,split\na,x,extra\n", "line 2 has split 'extra', which is none of train"),
        ("path,label,split\na,x,\n", "line 2 has no split"),
    ],
)
def test_a_row_that_is_not_understood(labelled, text, problem):
    with pytest.raises(ConfigError, match=problem) as refused:
        labelled(text)
    assert "\n" not in str(refused.value)


def test_a_column_of_bytes_has_no_classes(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table, path = arrow.table({"path": ["a", "b"], "label": [b"x", b"y"]}), tmp_path / "t.parquet"
    parquet.write_table(table, path)
    said = r"no column called label .* but \['path'\] \(no text or numbers in \['label'\]\): give"
    with pytest.raises(ConfigError, match=said):
        read_labelled(Data(dataset="csv", table=str(path)))


def test_a_column_that_is_named_and_not_there(labelled):
    with pytest.raises(ConfigError, match=r"no column 'kind', but \['path', 'label'\]: give"):
        labelled("path,label\na,x\n", label_column="kind")
    with pytest.raises(ConfigError, match=r"no column 'none', but"):
        labelled("path,label\na,x\n", label_column="none")


def test_no_table():
    with pytest.raises(ConfigError, match=r"data.table is not set"):
        read_labelled(Data(dataset="csv"))


def test_no_root(labelled, tmp_path):
    with pytest.raises(ConfigError, match="nowhere' is not a folder"):
        labelled("path,label\na,x\n", root=str(tmp_path / "nowhere"))
