"""What the docs say of duos is what was measured."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_the_docs_has_the_numbers_of_the_results():
    results = json.loads((ROOT / "benchmarks" / "results" / "duo.json").read_text())["results"]
    lines = (ROOT / "docs" / "ensembles.md").read_text().splitlines()
    for name, row in results.items():
        error, nll = row["error"], row["nll"]
        cells = [
            name,
            f"{row['macs_ratio']:.2f}",
            f"{error['mean']:.2f} ± {error['sd']:.2f}",
            f"{nll['mean']:.3f} ± {nll['sd']:.3f}",
        ]
        assert any(line.startswith(f"| {' | '.join(cells)} |") for line in lines), name
    won = results["duo, co-trained, calibrated"]["error_less_large"]
    assert f"({won['mean']:+.2f} ± {won['sd']:.2f} points, calibrated)" in "\n".join(lines)
