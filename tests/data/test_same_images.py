"""Whether images are those of a run: by their place, or by what they hold."""

import shutil

from split_records import data_of, record_of

from cotrain.config import Data
from cotrain.data.same_images import is_same


def test_images_in_memory_are_the_same_by_the_name_of_the_data_set():
    data = Data(dataset="digits", train_images=50, test_images=20)
    record = record_of(data)
    assert is_same(record, data)
    assert not is_same(record, Data(dataset="svhn"))


def test_a_folder_is_the_same_where_it_lies_or_if_it_holds_all_that_test(photos, tmp_path):
    record = record_of(data_of(photos))
    moved = shutil.copytree(photos, tmp_path / "moved")
    assert is_same(record, data_of(photos))
    assert is_same(record, data_of(tmp_path / "moved" / ".." / "photos"))
    assert is_same(record, data_of(moved))
    test = moved / record.parts["test"].names[0]
    kept = test.read_bytes()
    test.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))  # of the same size
    assert not is_same(record, data_of(moved))
    test.unlink()
    assert not is_same(record, data_of(moved))
    (photos / record.parts["test"].names[0]).unlink()
    assert is_same(record, data_of(photos))  # which has changed: to find it again will say so
