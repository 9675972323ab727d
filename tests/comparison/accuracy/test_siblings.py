"""Which run of a comparison is the large network beside another."""

import pytest

from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.siblings import large_beside


@pytest.mark.parametrize("name", ["s4-seed0", "s2-independent-seed0", "s4-weight0.5-seed0"])
def test_the_large_network_of_the_same_seed(tmp_path, name):
    for each in ("s1-seed0", "s1-seed1"):
        (tmp_path / each).mkdir()
        (tmp_path / each / "evaluation.json").write_text("{}")
    found = large_beside(RunFolder(tmp_path / name))
    assert found is not None
    assert found.root == tmp_path / "s1-seed0"


@pytest.mark.parametrize("name", ["s1-seed0", "s4-seed2", "photos", "s4-seed3"])
def test_no_large_network(tmp_path, name):
    for each in ("s1-seed0", "s1-seed2"):
        (tmp_path / each).mkdir()
    (tmp_path / "s1-seed0" / "evaluation.json").write_text("{}")
    assert large_beside(RunFolder(tmp_path / name)) is None
