"""The run folder: where things stand, and how it came out."""

import json
from pathlib import Path

import pytest

from cotrain import ConfigError
from cotrain.basics import run_folder
from cotrain.basics.run_folder import Outcome, RunFolder, runs_shipping


def test_everything_stands_in_the_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.config == tmp_path / "config.yaml"
    assert folder.checkpoint == tmp_path / "checkpoints" / "last.ckpt"
    assert folder.ensemble == tmp_path / "ensemble"
    assert folder.evaluation == tmp_path / "evaluation.json"


def test_a_run_begins_with_its_settings(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for flag, start in (("", str(tmp_path)), ("--resume", f"--resume {tmp_path}")):
        with pytest.raises(ConfigError) as error:
            run.check_begun(flag)
        assert str(error.value) == f"{start}: there is no run: it has no config.yaml"
    run.config.touch()
    assert run.check_begun() is None


def test_the_outcome_is_that_of_the_ensemble(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.outcome() is None
    run.evaluation.write_text(json.dumps({"images": 40, "ensemble": {"top1": 0.75}}))
    assert run.outcome() == Outcome(top1=0.75, images=40)
    run.ensemble.mkdir()
    assert [each.outcome() for each in runs_shipping(run.ensemble)] == [None, run.outcome()]


DAMAGED = ["{", "[]", "{}", '{"ensemble": {"top1": 1}}', '{"ensemble": {"top1": "1"}, "images": 3}']


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_outcome_says_how_to_write_it_again(tmp_path: Path, text: str) -> None:
    run = RunFolder(tmp_path)
    run.evaluation.write_text(text)
    with pytest.raises(ConfigError, match=r"is damaged .* cotrain evaluate .* --output .*\.json$"):
        run.outcome()


def test_epochs_done_are_the_rows_of_the_metrics(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.epochs_done() == 0
    folder.metrics.write_text("epoch,loss\n0,1.5\n1,1.25\n")
    assert folder.epochs_done() == 2


def test_what_a_run_has_kept_is_of_the_ensemble_that_it_ships_and_of_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path)
    run.predictions.write_bytes(b"")
    for own in (run.root, run.ensemble):
        found = run_folder.tested_run(own)
        assert found is not None
        assert found.root == run.root
    assert run_folder.tested_run(run.root / "exported") is None
    assert run_folder.tested_run(run.best) is None
    monkeypatch.chdir(tmp_path)
    found = run_folder.tested_run(Path("ensemble"))
    assert found is not None
    assert found.root == run.root
