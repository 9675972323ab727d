"""The metrics table is whole at any time, and a resumed run repeats no row."""

from pathlib import Path

from cotrain.training.callbacks import MetricsTable


def test_table_is_written_row_by_row(tmp_path: Path) -> None:
    table = MetricsTable(tmp_path / "metrics.csv")
    table.write()
    assert not table.path.exists()
    table.append({"epoch": 0, "loss": 0.1 + 0.2})
    assert table.path.read_text() == "epoch,loss\n0,0.30000000000000004\n"
    table.append({"epoch": 1, "loss": float("nan")})
    assert table.path.read_text().splitlines()[2] == "1,nan"


def test_table_goes_on_without_repeating_a_row(tmp_path: Path) -> None:
    table = MetricsTable(tmp_path / "metrics.csv")
    for epoch in range(2):
        table.append({"epoch": epoch})
    resumed = MetricsTable(table.path, lines=["epoch", "0"])
    resumed.append({"epoch": 1})
    assert table.path.read_text() == "epoch\n0\n1\n"


def test_table_of_an_earlier_version_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    table = MetricsTable(tmp_path / "metrics.csv", lines=["epoch,loss", "0,1.5"])
    for epoch in (1, 2):
        table.append({"epoch": epoch, "disagreement": 0.25, "loss": 0.5})
    rows = table.path.read_text().splitlines()
    assert rows == ["epoch,loss,disagreement", "0,1.5,nan", "1,0.5,0.25", "2,0.5,0.25"]
