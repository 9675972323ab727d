"""A run's cascade is fitted to images that were not trained on, stored, and tested."""

import json
import shutil
from pathlib import Path

import pytest
from training_runs import tiny

from cotrain import ConfigError, Ensemble
from cotrain.cli import main
from cotrain.ensemble import load_shipped
from cotrain.evaluation.cascade.of_run import cascade_of_run
from cotrain.evaluation.cascade.scores import cascade_scores
from cotrain.evaluation.evaluate import batches_of
from cotrain.evaluation.images import images_to_test
from cotrain.training import fit

DATA = {"validation": 0.5, "train_images": 200, "test_images": 300}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cascade") / "run"
    fit(tiny(into=3, epochs=3, data=DATA), folder, progress=False)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_it_is_stored_and_tested_by_running_it(run: Path):
    found = cascade_of_run(run, budget=0.6, signal="margin")
    assert found.path == run / "ensemble" / "cascade.json"
    ensemble = load_shipped(run)
    assert ensemble.cascade == found.fit.cascade
    assert found.fit.cascade.images == 100
    assert found.images.fitted_on == "validation"
    images = images_to_test(run, ensemble)
    assert images.test is not None
    batches = batches_of(ensemble, images.test, images.preprocessing, batch_size=7)
    again = cascade_scores(ensemble, batches)
    assert found.tested is not None
    assert found.tested.cascade is not None
    assert again.share == found.tested.cascade.share
    assert again.left == found.tested.cascade.left
    assert again.scores.top1 == found.tested.cascade.scores.top1
    assert again.scores.nll == pytest.approx(found.tested.cascade.scores.nll, abs=1e-5)


def test_the_commands_say_it(run: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["evaluate", str(run), "--cascade", "true"])
    assert "has no cascade: fit one with cotrain cascade RUN" in capsys.readouterr().err
    main(["cascade", str(run), "--tolerance", "0.1"])
    said = " ".join(capsys.readouterr().out.split())
    assert "A tolerance of 0.1 points is less than one of 100 images: it takes 1,000" in said
    assert "fitted on 100 validation images" in said
    main(["cascade", str(run), "--tolerance", "5", "--json"])
    record = json.loads(capsys.readouterr().out)
    cascade = Ensemble.load(run / "ensemble").cascade
    assert cascade is not None
    assert record["fit"]["cascade"]["order"] == list(cascade.order)
    main(["evaluate", str(run), "--cascade", "--json"])
    tested = json.loads(capsys.readouterr().out)
    assert tested["cascade"] == record["tested"]["cascade"]
    assert sum(tested["cascade"]["left"].values()) == pytest.approx(1)
    main(["evaluate", str(run)])
    assert "cascade" not in capsys.readouterr().out
    main(["evaluate", str(run), "--cascade", "true"])
    assert f"at {tested['cascade']['share']:.1%} of the MACs" in capsys.readouterr().out


def test_another_way_of_combining_is_refused(run: Path, capsys: pytest.CaptureFixture[str]):
    cascade_of_run(run, tolerance=5, signal="margin")
    with pytest.raises(SystemExit):
        main(["evaluate", str(run), "--cascade", "--combine", "max_logits"])
    assert "is not the way that the cascade was fitted for" in capsys.readouterr().err


def test_a_run_without_images_to_fit_to_is_refused(tmp_path: Path):
    fit(tiny(epochs=1), tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match=r"no calibration images.*--data.calibration"):
        cascade_of_run(tmp_path / "run")
    assert not (tmp_path / "run" / "ensemble" / "cascade.json").exists()
