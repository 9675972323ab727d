"""How much of the paper's implementation is matched, by the recorded values in tests/parity/.

Runs those tests and counts what passes; nothing is compared a second way here. Run: python
benchmarks/parity.py
"""

import sys
from collections import Counter
from pathlib import Path

import pytest
from common import write_results

TESTS = Path(__file__).parent.parent / "tests" / "parity"
# By kind: how the names of its tests begin, and what one case of them compares.
KINDS = {
    "rows": ("test_networks.py::test_costs_are", "params, MACs, widths, dropout of a network"),
    "layouts": ("test_networks.py::test_parameters_and_buffers", "all tensors of a network"),
    "functions": ("test_functions.py::test_", "losses, gradients, ramps, schedules, RMSprop"),
}


class Counts:
    """Counts the cases of each kind and those that pass, as a plugin of pytest."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self.matched: Counter[str] = Counter()
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a case when it has been called, or when it could not be."""
        kinds = [kind for kind, (start, _) in KINDS.items() if f"/{start}" in report.nodeid]
        if not kinds or (report.when != "call" and report.passed):
            return
        self.total[kinds[0]] += 1
        self.matched[kinds[0]] += report.passed
        if not report.passed:
            self.failed.append(report.nodeid)


def main() -> int:
    counts = Counts()
    code = pytest.main([str(TESTS), "-q", "--no-header", "--tb=line"], plugins=[counts])
    rows = {kind: {"matched": counts.matched[kind], "of": counts.total[kind]} for kind in KINDS}
    path = write_results("parity", {"counts": rows, "failed": counts.failed})
    for kind, row in rows.items():
        print(f"{kind:9} {row['matched']:3} of {row['of']:3}: {KINDS[kind][1]}")
    print(f"written to {path}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
