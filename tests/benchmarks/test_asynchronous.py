"""The page on several machines has the numbers that were measured."""

import json
from pathlib import Path

import asynchronous
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["asynchronous", "asynchronous-cifar10"])
def test_the_page_has_the_rows_of_the_results(name: str) -> None:
    record = json.loads((ROOT / f"benchmarks/results/{name}.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/several-machines.md").read_text(encoding="utf-8").splitlines()
    rows = asynchronous.table(record["results"])
    assert len(rows) >= 10
    assert [row for row in rows if row not in page] == []
