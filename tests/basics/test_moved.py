"""The names that modules had in version 0.1."""

import sys
from importlib import import_module

import pytest

from cotrain.basics.moved import MOVED


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_an_old_name_gives_the_module_that_is_there_now_and_says_so(monkeypatch, old, new):
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{old} has moved: import {new}"):
        found = import_module(old)
    assert found is import_module(new)
    assert found.__spec__ is not None
    assert found.__name__ == found.__spec__.name == new
    monkeypatch.delitem(sys.modules, old)


def test_other_names_are_not_found():
    with pytest.raises(ModuleNotFoundError, match=r"cotrain\.nothing"):
        import_module("cotrain.nothing")
