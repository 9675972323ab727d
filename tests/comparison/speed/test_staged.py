"""A cascade is timed on test images, one batch after the other."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cascades import counting_ensemble, make_cascade
from image_folders import write_folder
from training_runs import TINY, tiny

from cotrain.comparison.speed import Plan, benchmark, find_targets, staged
from cotrain.comparison.speed.staged import sample_of, staged_seconds
from cotrain.config import Data
from cotrain.ensemble import load_shipped
from cotrain.evaluation.cascade.of_run import cascade_of_run
from cotrain.evaluation.images import images_to_test
from cotrain.execution import prepare
from cotrain.report.speed import benchmark_notes, benchmark_tables
from cotrain.training import fit

DATA = {"validation": 0.5, "train_images": 100, "test_images": 70}


def test_a_pass_answers_the_next_images_and_gives_the_time_of_a_batch():
    ensemble = counting_ensemble(cascade=make_cascade(thresholds=(0.0,)))
    sample = torch.randn(100, 1, 8, 8)
    with prepare(ensemble, "loop") as execution:
        seen = []
        execution.answer_in_stages = lambda images: seen.append(images)  # type: ignore[method-assign]
        for size, calls in ((1, 64), (30, 2), (128, 1)):
            seen.clear()
            once = staged_seconds(execution, sample, size)
            assert once() > 0
            assert [len(each) for each in seen] == [size] * calls
            once()
            shown = torch.cat(seen)
            order = torch.arange(len(shown)) % 100
            assert torch.equal(shown, sample[order])


@pytest.mark.usefixtures("no_processes")
def test_of_photos_no_more_are_read_than_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_folder(tmp_path / "photos", count=40)
    data = {"root": str(tmp_path / "photos"), "image_size": 12, "validation": 0.4, "test": 0.25}
    fit(replace(TINY, epochs=1, data=Data(**data)), tmp_path / "run", progress=False)
    cascade_of_run(tmp_path / "run", budget=0.8, signal="margin")
    ensemble = load_shipped(tmp_path / "run")
    every = sample_of(tmp_path / "run", ensemble)
    assert every is not None
    assert len(every) == 20
    monkeypatch.setattr(staged, "_SAMPLE", 5)
    read = []
    monkeypatch.setattr(
        staged, "images_to_test", lambda *asked: read.append(images_to_test(*asked)) or read[0]
    )
    sample = sample_of(tmp_path / "run", ensemble)
    assert sample is not None
    assert len(read[0].test) == len(sample) == 5
    known = {row.numpy().tobytes() for row in every}
    assert {row.numpy().tobytes() for row in sample} <= known


@pytest.mark.usefixtures("no_processes")
def test_a_run_with_a_cascade_gets_rows_of_it(tmp_path: Path):
    fit(tiny(epochs=1, data=DATA), tmp_path, progress=False)
    assert sample_of(tmp_path, load_shipped(tmp_path)) is None
    found = cascade_of_run(tmp_path, budget=0.8, signal="margin")
    ensemble = load_shipped(tmp_path)
    sample = sample_of(tmp_path, ensemble)
    assert sample is not None
    assert sample.shape == (70, 1, 8, 8)
    plan = Plan(batch_sizes=(3,), levels=("none", "light"), rounds=2)
    result = benchmark(find_targets([str(tmp_path)]), plan)
    rows = [row for row in result.rows if row.case.role == "cascade"]
    assert [row.case.level for row in rows] == ["none", "light"]
    assert found.tested is not None
    assert found.tested.cascade is not None
    (facts,) = [each for each in result.targets if each.into == 2]
    assert facts.cascade_top1 == pytest.approx(found.tested.cascade.scores.top1)
    for row in rows:
        assert row.case.share == pytest.approx(found.tested.cascade.share)
        loop, large = (
            next(
                other.latency.median_ms
                for other in result.rows
                if (other.case.into, other.case.level, other.case.role) == (into, level, "together")
            )
            for into, level in ((2, "none"), (1, row.case.level))
        )
        assert row.against_loop == pytest.approx(row.latency.median_ms / loop)
        assert row.against_large == pytest.approx(row.latency.median_ms / large)
    (table,) = benchmark_tables(result)
    names = [row.cells[0][0].strip() for row in table.rows if row is not None]
    assert f"cascade: light, {rows[1].case.share:.0%} of the MACs" in names
    said = [line for line in benchmark_notes(result) if "its cascade (light) answers" in line]
    assert f"{3000 / rows[1].latency.median_ms:,.0f} test images a second" in said[0]
