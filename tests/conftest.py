"""What all tests share: few threads, repeatable random examples, no GPU tests without a GPU."""

import os

# Before torch is imported, and inherited by the processes that tests start: several test processes
# run side by side, and results must not depend on the machine's number of cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Iterator

import jaxtyping
import pytest
import torch
from hypothesis import settings

# Before cotrain is imported: shapes are jaxtyping's, and these modules check them in every call.
sys.modules["cotrain.basics.shapes"] = jaxtyping
CHECKED = [
    "cotrain.data.views",
    "cotrain.ensemble.answering",
    "cotrain.ensemble.combining",
    "cotrain.ensemble.ensemble",
    "cotrain.ensemble.losses",
    "cotrain.ensemble.others",
    "cotrain.ensemble.preprocessing",
    "cotrain.evaluation",
]
jaxtyping.install_import_hook(CHECKED, "shape_checks.checked")

# Fixtures of exported files, for export, for its verb and for the serving example; of hostile ones.
pytest_plugins = ["export_fixtures", "hostile"]

# No deadline: a test must not fail because the machine is busy.
settings.register_profile("cotrain", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("cotrain")


@pytest.fixture
def unchecked() -> Iterator[None]:
    """What a signature does not allow reaches the function, which refuses it in its own words."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="needs CUDA")
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(skip)
