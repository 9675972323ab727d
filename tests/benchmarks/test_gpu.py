"""The measurements on a GPU run on a CPU in small, go on, and are judged by their own numbers."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def gpu() -> Iterator[Any]:
    """The module ``benchmarks/gpu.py``."""
    import gpu

    yield gpu
    for name in ("gpu", "gpu_measurements"):
        sys.modules.pop(name, None)


@pytest.fixture
def judges(gpu) -> Any:
    """The module ``benchmarks/gpu_measurements.py``."""
    return sys.modules["gpu_measurements"]


def try_it(gpu, folder: Path, *words: str) -> int:
    return gpu.main(["--tiny", "--records", str(folder), "--runs", str(folder / "runs"), *words])


@pytest.mark.parametrize("name", ["training-wide_resnet16_8", "accuracy"])
def test_a_measurement_runs_once_and_its_numbers_are_kept(gpu, tmp_path, capsys, name):
    assert try_it(gpu, tmp_path, "--only", name) == 0
    record = json.loads((tmp_path / f"{name}.json").read_text())
    assert record["machine"]["gpu"] is None
    assert record["command"].startswith("python ")
    assert str(gpu.ROOT) not in json.dumps(record)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{name}: ")]
    assert len(lines) == len(record["findings"]) >= 1
    assert all(
        each["measured"] in line for each, line in zip(record["findings"], lines, strict=True)
    )
    record["findings"] = [{"target": "", "measured": "as it was kept", "met": None}]
    (tmp_path / f"{name}.json").write_text(json.dumps(record))
    assert try_it(gpu, tmp_path, "--only", name) == 0
    assert f"{name}: as it was kept" in capsys.readouterr().out.splitlines()


def test_every_command_names_what_it_leaves_and_where(gpu, judges, tmp_path):
    for each in judges.MEASUREMENTS:
        for tiny in (False, True):
            words = gpu.command_of(each, tmp_path, tiny=tiny and bool(each.tiny))
            assert not any("{" in word for word in words)
            said = any(str(tmp_path) in word for word in words)
            assert said == bool(each.leaves)


def test_what_fails_is_counted_and_leaves_no_record(gpu, judges, tmp_path, capsys, monkeypatch):
    broken = judges.Measurement(
        name="broken",
        shows="nothing",
        program="cotrain",
        options="",
        tiny="benchmark no_such_network",
        minutes=1,
        judge=judges.passed,
    )
    monkeypatch.setattr(gpu, "MEASUREMENTS", [broken])
    assert try_it(gpu, tmp_path) == 1
    assert not (tmp_path / "broken.json").exists()
    said = capsys.readouterr().out
    assert "broken: failed with exit code 2" in said
    assert "broken: not yet measured" in said


def test_what_does_not_fit_the_time_is_not_begun(gpu, judges, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "hardware", lambda: type("H", (), {"gpu": "some"})())
    monkeypatch.setattr(gpu, "measure", lambda *given: pytest.fail("it was begun"))
    monkeypatch.setattr(gpu, "TABLES", ())
    assert gpu.main(["--records", str(tmp_path), "--minutes", "1", "--only", "auto"]) == 0
    assert "auto: takes about 3 minutes, 1 are left" in capsys.readouterr().out


def test_without_a_gpu_nothing_is_measured(gpu, tmp_path):
    with pytest.raises(SystemExit, match="there is no GPU: --tiny tries the way"):
        gpu.main(["--records", str(tmp_path)])
    with pytest.raises(SystemExit, match="give --records another folder"):
        gpu.main(["--tiny"])


def row(strategy: str, ms: float, reason: str = "", batch: int = 1) -> dict[str, Any]:
    case = {"strategy": strategy, "level": "light", "into": 4, "role": "together", "reason": reason}
    return {"case": case, "latency": {"median_ms": ms, "batch_size": batch}}


@pytest.mark.parametrize(("speedup", "over", "met"), [(2.5, 1.03, True), (2.49, 1.04, False)])
def test_a_training_step_is_judged(judges, speedup, over, met):
    record = {
        "settings": {"execution": "cuda_graphs"},
        "tensors_only": {"speedup": speedup, "ours": {"images_per_second": 1234.4}},
        "with_data_loading": {"speedup": 2.0, "data_wait": 0.25},
        "lightning": {"lightning": {"ratio": over}},
    }
    step, data, lightning = judges.training_step(record)
    assert (step.met, step.measured) == (met, f"{speedup:.2f} x the reference step: 1,234 images/s")
    assert (data.met, data.measured) == (None, "with data loading 2.00 x, 25.0% of it waiting")
    assert lightning.met == met
    record["settings"] = {"execution": "loop"}  # is no candidate for the fastest way
    assert next(judges.training_step(record)).met is None


def test_answers_are_judged_at_batch_1_alone(judges):
    verdicts = [
        {
            "best": {**row("cuda_graphs", 0.4, batch=batch), "against_loop": loop},
            "batch_size": batch,
            "against_large": large,
        }
        for batch, large, loop in [(1, 1.1, 1 / 3), (1, 1.2, 0.5), (16, 1.2, 0.5), (1, None, 0.1)]
    ]
    found = list(judges.answering({"verdicts": verdicts}))
    assert [each.met for each in found] == [True, True, False, False, None, None, True]
    assert found[0].measured == (
        "S=4, batch 1: 0.4 ms (cuda_graphs, light), 1.10 x the large network's fastest"
    )
    assert found[3].measured == "S=4, batch 1: 2.00 x faster"


def test_the_choice_is_judged_against_the_fastest(judges):
    rows = [row("loop", 2.0), row("streams", 1.0), row("streams", 1.02, reason="it is faster")]
    (near,) = judges.choosing({"rows": rows})
    assert near.met
    assert near.measured == "S=4, batch 1: 1.02 x the fastest, 0.51 x the fastest loop"
    (far,) = judges.choosing({"rows": [*rows[:2], row("loop", 2.0, reason="noise")]})
    assert not far.met


def test_pages_get_the_table(gpu, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{gpu.BEGIN}\nold\n{gpu.END}\nafter\n")
    record = {
        "machine": {
            "cpu": "a CPU",
            "cores": 1,
            "gpu": "a GPU",
            "python": "3",
            "torch": "2",
            "cotrain": "0",
        },
        "findings": [{"target": "much", "measured": "more", "met": True}],
    }
    (tmp_path / "auto.json").write_text(json.dumps(record))
    gpu.fill(page, gpu.table(tmp_path))
    lines = page.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert "| what auto chooses for WRN-28-10 into 4 | much | more (a GPU) | met |" in lines
    others = [line for line in lines if line.endswith("| | not yet measured | |")]
    assert len(others) == len(gpu.MEASUREMENTS) - 1
    gpu.fill(page, gpu.table(tmp_path))
    assert page.read_text().splitlines() == lines


def test_the_pages_of_the_project_hold_what_the_records_say(gpu):
    for page in gpu.TABLES:
        assert f"{gpu.BEGIN}\n{gpu.table(gpu.RESULTS / 'gpu')}\n{gpu.END}" in page.read_text()


def test_the_page_has_the_rows_of_the_comparison(gpu):
    record = json.loads((gpu.RESULTS / "cifar10-wide-20-epochs.json").read_text(encoding="utf-8"))
    page = (gpu.ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").splitlines()
    assert record["experiment"]["epochs"] == 20
    for each in record["candidates"]:
        given, cost = each["given"], each["cost"]
        cells = [
            each["name"],
            f"{cost['params'] / 1e6:.2f} M",
            f"{cost['macs'] / 1e9:.2f} G",
            f"{given['error']['mean']:.2f}",
            f"{given['nll']['mean']:.3f}",
            f"{given['ece']['mean']:.3f}",
            f"{given['aurc']['mean']:.2f}",
            f"{each['single_error']['mean']:.2f}",
        ]
        assert f"| {' | '.join(cells)} |" in page
    worse = record["candidates"][2]["to_large"]["differences"]["error"]
    said = f"({worse['mean']:+.2f} points, {worse['low']:+.2f} to {worse['high']:+.2f}, over"
    assert said in "\n".join(page)
