"""torch-uncertainty brings a Lightning of its own, which keeps quiet."""

import pytest
from lightning_utilities.core import rank_zero

from cotrain.ensemble.peers.library import of_library

pytest.importorskip("torch_uncertainty")


def test_what_speaks_for_lightning_is_as_before():
    speaker = rank_zero.log
    assert of_library("layers", "packed").PackedConv2d.__name__ == "PackedConv2d"
    assert rank_zero.log is speaker
