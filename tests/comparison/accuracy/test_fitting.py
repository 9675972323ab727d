"""Runs of a comparison are calibrated on images they are not tested on, and nothing is written."""

import pytest
from training_runs import tiny

from cotrain import networks
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.fitting import fit_runs
from cotrain.evaluation import calibrate
from cotrain.networks import build
from cotrain.networks.costs import count_macs
from cotrain.training import fit


def files(folder):
    return {each: each.stat().st_mtime_ns for each in folder.rglob("*") if each.is_file()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two candidates, one run each, with validation images."""
    root = tmp_path_factory.mktemp("comparison")
    for into in (1, 2):
        fit(tiny(into=into, data={"validation": 0.4}), root / f"s{into}", progress=False)
    return root


def test_every_run_gets_what_calibrate_would_store_and_nothing_is_written(runs):
    folders = {f"S={into}": [RunFolder(runs / f"s{into}")] for into in (1, 2)}
    before = files(runs)
    found = fit_runs(folders, batch_size=16, device="cpu")
    assert files(runs) == before
    assert (found.images, found.problem) == (32, "")
    for name, each in folders.items():
        stored = calibrate(each[0].root).calibration
        (fit,) = found.of[name]
        fitted = fit.calibration
        assert (fit.cascade is None) == (name == "S=1")
        assert (fitted.method, fitted.images) == (stored.method, 32)
        assert fitted.temperature == pytest.approx(stored.temperature)
        assert fitted.weights == pytest.approx(stored.weights)


def test_without_images_for_all_none_is_calibrated(runs, tmp_path):
    fit(tiny(into=1), tmp_path / "s1", progress=False)
    folders = {"S=1": [RunFolder(tmp_path / "s1")], "S=2": [RunFolder(runs / "s2")]}
    found = fit_runs(folders, batch_size=16, device="cpu")
    assert (found.of, found.images) == ({}, 0)
    assert "has no" in found.problem


def test_the_cascade_of_networks_that_differ_counts_the_work_of_each(tmp_path):
    names = ("basic_resnet8_8", "basic_resnet14_4")
    settings = tiny(network=",".join(names), data={"validation": 0.4})
    fit(settings, tmp_path / "mixed", progress=False)
    found = fit_runs({"mixed": [RunFolder(tmp_path / "mixed")]}, batch_size=16, device="cpu")
    cascade = found.of["mixed"][0].cascade
    assert cascade is not None
    specs = [
        networks.spec(name, num_classes=10, in_channels=1, image_size=8)  # type: ignore[arg-type]
        for name in names
    ]
    macs = [count_macs(build(each), (1, 8, 8)) for each in specs]
    assert cascade.costs == pytest.approx([each / sum(macs) for each in macs])
