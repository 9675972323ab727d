"""The tables of the benchmark of any network."""

import json

import any_network
from any_network_table import summarize, table


def record(network: str, into: int, outcome: str = "divided", **facts) -> dict:
    costs = {"mechanism": "constructor", "params": 1.01, "unevenness": 1.1, "MACs": 1.2}
    seconds = {"seconds": 2.0, "cpu seconds": 1.0, "checks": {}}
    divided = costs if outcome == "divided" else {}
    return {"network": network, "into": into, "outcome": outcome, **seconds, **divided, **facts}


def test_the_table_counts_refusals_as_not_divided_and_names_them():
    records = [
        record("timm:a", 2, checks={"forward": "passed", "export": "failed: a | b"}),
        record("hf:b", 2, "refused", reason="no widths", seconds=4.0),
    ]
    rows = table({"records": records, "frozen": True}).splitlines()
    assert "| divided, all | 1 of 2 (50.0%) |" in rows
    assert "| divided, hf | 0 of 1 (0.0%) |" in rows
    assert "| silently wrong | 0 |" in rows
    assert "| seconds, median / p90 | 3.00 / 4.00 |" in rows
    assert "| MACs within 15 % | 0 of 1 (0.0%) |" in rows
    assert "| export | 0 / 1 / 0 |" in rows
    assert "| timm:a | 2 | divided, but | export failed: a \\| b |" in rows
    assert "| hf:b | 2 | refused | no widths |" in rows


def test_every_into_has_its_own_summary():
    summary = summarize([record("timm:a", 2), record("timm:a", 4, "wrong function")])
    assert summary["S=2"]["outcomes"] == {"divided": 1}
    assert summary["S=4"]["outcomes"] == {"wrong function": 1}
    assert summary["S=4"]["divided"]["timm"] == [0, 1]


def test_the_table_of_a_file_is_printed(tmp_path, capsys):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"records": [record("timm:a", 2)], "frozen": False}))
    any_network.main(["--table", str(path)])
    printed = capsys.readouterr().out
    assert "| by constructor | 1 |" in printed
    assert "The code was changed while this ran" in printed
