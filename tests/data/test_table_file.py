"""Tables as people save them: CSV of several programs, Parquet, and what is neither."""

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.data.table_file import read_table


def _written(folder, content, name="photos.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "path,label\na.png,ant\n\nb.png,\n",
        "path;label\r\na.png;ant\r\nb.png;\r\n",
        "path\tlabel\na.png\tant\nb.png\t",
        "\ufeffpath, label\na.png,ant\nb.png,\n",
        'path,label\n"a.png","ant"\n"b.png",""\n',
    ],
)
def test_csv_as_programs_write_it(tmp_path, content):
    table = read_table(_written(tmp_path, content))
    assert table.columns == ("path", "label")
    assert table.rows == [("a.png", "ant"), ("b.png", None)]


def test_places_are_lines_of_the_file(tmp_path):
    table = read_table(_written(tmp_path, 'path,label\n\n"a\nb",x\nc,y\n'))
    assert table.places == ["line 4", "line 5"]


def test_parquet_holds_what_csv_does(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table(
        {
            "path": ["a.png", "b.png", "c.png"],
            "label": arrow.array(["ant", None, "bee"]).dictionary_encode(),
            "number": [3, None, 4],
            "share": [0.5, float("nan"), 1.0],
        }
    )
    parquet.write_table(table, tmp_path / "photos")
    found = read_table(tmp_path / "photos")
    assert found.columns == ("path", "label", "number", "share")
    assert found.rows == [
        ("a.png", "ant", "3", "0.5"),
        ("b.png", None, None, None),
        ("c.png", "bee", "4", "1.0"),
    ]
    assert found.places[2] == "row 3"


def test_columns_of_parquet_that_hold_no_text_or_numbers_are_left_out_by_name(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table(
        {
            "bytes": [b"cat", b"dog"],
            "path": ["a.png", "b.png"],
            "list": [["cat"], ["dog"]],
            "record": [{"name": "cat"}, {"name": "dog"}],
        }
    )
    parquet.write_table(table, tmp_path / "photos")
    found = read_table(tmp_path / "photos")
    assert (found.columns, found.rows) == (("path",), [("a.png",), ("b.png",)])
    assert found.others == ("bytes", "list", "record")


def test_parquet_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"Parquet needs pyarrow: pip install 'cotrain\[tables\]"):
        read_table(_written(tmp_path, b"PAR1...."))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"path,label\n\xff\xfe,ant\n", "no text in UTF-8"),
        (b'path,label\n"a,ant\n', "unexpected end of data"),
        (b"path,label\na.png,ant,bee\n", "line 2 has 3 cells, the first line 2"),
        (b"path,label\na.png\n", "line 2 has 1 cells"),
        (b"path,label,label\na.png,ant,bee\n", "several of its columns are called 'label'"),
        (b"PAR1 but no more", "cannot be read"),
    ],
)
def test_what_is_no_table(tmp_path, content, problem):
    pytest.importorskip("pyarrow")
    with pytest.raises(ConfigError, match=problem) as refused:
        read_table(_written(tmp_path, content))
    assert "\n" not in str(refused.value)


def test_no_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none.csv' cannot be read: No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        read_table(tmp_path)
