"""``fit``: what stops it with one line, what it leaves, and a loss curve kept as numbers."""

import json
import logging
import signal
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from training_runs import final_state, final_weights, make_loss_infinite, read_metrics, same, tiny

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.folder import write_fitted
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.execution.compiling import is_compiled
from cotrain.training import CoTraining, fit
from cotrain.training.from_experiment import experiment_ensemble, experiment_images
from cotrain.training.sharing import Sharing
from cotrain.training.shipping import ship_ensemble

GOLDEN = Path(__file__).parents[1] / "golden" / "digits.json"


def test_golden_loss_curve(tmp_path: Path) -> None:
    """Three epochs with everything on, against kept numbers.

    After a change that is meant to change training, write them anew: run this test, and copy the
    rows that pytest shows as ``read_metrics(...)`` (or ``metrics.csv`` of the run) into
    ``golden/digits.json``.
    """
    experiment = tiny(
        epochs=3,
        data={"validation": 0.2, "train_images": 100},
        views={"mixup": 0.2, "erasing": 0.5},
        schedule={"warmup_epochs": 1.0},
        ema=0.9,
    )
    fit(experiment, tmp_path / "run", progress=False)
    golden = json.loads(GOLDEN.read_text())
    rows = read_metrics(tmp_path / "run")
    assert len(rows) == len(golden) == 3
    for row, expected in zip(rows, golden, strict=True):
        for name, value in expected.items():
            # Another CPU rounds otherwise, which can turn the answer to an image or two.
            tolerance = 0.03 if "accuracy" in name else 0
            assert row[name] == pytest.approx(value, rel=1e-4, abs=tolerance), name


def test_divergence_to_nan_names_step_terms_and_checkpoint(tmp_path: Path, monkeypatch) -> None:
    make_loss_infinite(monkeypatch, range(3, 4))
    with pytest.raises(TrainingError) as error:
        fit(tiny(checkpoint_steps=1), tmp_path / "run", progress=False)
    checkpoint = RunFolder(tmp_path / "run").checkpoint
    for part in ("step 3 ", "cross-entropy nan", "divergence nan", f"checkpoint is {checkpoint}"):
        assert part in str(error.value)
    assert final_state(tmp_path / "run")["global_step"] == 3
    assert all(value.isfinite().all() for value in final_weights(tmp_path / "run").values())


def test_huge_learning_rate_never_reaches_a_checkpoint(tmp_path: Path) -> None:
    experiment = tiny(optimizer={"lr": 1e30}, checkpoint_steps=1, epochs=3)
    with pytest.raises(TrainingError, match=r"not finite.*lower optimizer\.lr"):
        fit(experiment, tmp_path / "run", progress=False)
    if RunFolder(tmp_path / "run").checkpoint.exists():
        assert all(value.isfinite().all() for value in final_weights(tmp_path / "run").values())


def test_skipping_goes_on_with_untouched_statistics(tmp_path: Path, monkeypatch) -> None:
    make_loss_infinite(monkeypatch, range(1, 3))
    fit(tiny(on_nan="skip"), tmp_path / "run", progress=False)
    weights = final_weights(tmp_path / "run")
    assert all(value.isfinite().all() for value in weights.values())
    counters = {int(v) for k, v in weights.items() if k.endswith("num_batches_tracked")}
    assert counters == {8}  # of 10 steps
    assert [row["skipped_steps"] for row in read_metrics(tmp_path / "run")] == [2, 2]


def test_skipping_too_often_stops(tmp_path: Path, monkeypatch) -> None:
    make_loss_infinite(monkeypatch, range(20))
    experiment = tiny(on_nan="skip", batch_size=5)
    with pytest.raises(TrainingError, match=r"step 10 .*no checkpoint was saved yet"):
        fit(experiment, tmp_path / "run", progress=False)


def test_early_stopping_ends_a_run_and_its_resumption(tmp_path: Path, monkeypatch, capsys) -> None:
    experiment = tiny(epochs=9, early_stopping=2, data={"validation": 0.2}, optimizer={"lr": 0.0})
    result = fit(experiment, tmp_path / "run", progress=False)
    folder = RunFolder(tmp_path / "run")
    accuracies = [row["val_accuracy"] for row in read_metrics(tmp_path / "run")]
    epochs = accuracies.index(max(accuracies)) + 1 + 2  # the best, and the patience
    assert len(accuracies) == epochs < 9
    assert result.evaluation is not None
    before = final_weights(tmp_path / "run")
    evaluation = folder.evaluation.read_bytes()
    folder.evaluation.unlink()
    fit(experiment, tmp_path / "run", resume=True, progress=False)
    assert "trained to its end already" in capsys.readouterr().out
    assert len(read_metrics(tmp_path / "run")) == epochs
    assert same(final_weights(tmp_path / "run"), before)
    assert folder.evaluation.read_bytes() == evaluation


def test_going_on_with_an_ended_run_keeps_what_was_fitted_for_its_weights(tmp_path: Path) -> None:
    folder, experiment = RunFolder(tmp_path / "run"), tiny(epochs=1)
    fitted = Calibration(combine="mean_logits", temperature=2.0, images=20)
    shipped = fit(experiment, folder.root, progress=False).ensemble
    evaluation, path = folder.evaluation.read_bytes(), write_fitted(folder.ensemble, fitted)
    fit(experiment, folder.root, resume=True, progress=False)
    assert Ensemble.load(folder.ensemble).spec.calibration == fitted
    assert folder.evaluation.read_bytes() == evaluation
    weights = {name: each.clone() for name, each in shipped.state_dict().items()}
    next(shipped.parameters()).data.add_(1)
    assert isinstance(shipped, Ensemble)
    shipped.save(folder.ensemble)
    write_fitted(folder.ensemble, fitted)
    fit(experiment, folder.root, resume=True, progress=False)
    assert same(dict(Ensemble.load(folder.ensemble).state_dict()), weights)
    assert not path.exists()


def test_dead_between_last_checkpoint_and_ensemble(tmp_path: Path, monkeypatch) -> None:
    folder = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(import_module("cotrain.training.fit"), "ship_ensemble", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            fit(tiny(ema=0.5), tmp_path / "run", progress=False)
    assert not folder.ensemble.exists()
    result = fit(tiny(ema=0.5), tmp_path / "run", resume=True, progress=False)
    assert result.evaluation is not None
    average = final_state(tmp_path / "run")["state_dict"]
    for name, value in result.ensemble.state_dict().items():
        assert torch.equal(value, average[f"average.ensemble.{name}"])


def test_a_run_that_is_shorter_than_its_warm_up_says_so(tmp_path: Path, capsys) -> None:
    fit(tiny(epochs=1, schedule={"warmup_epochs": 4.2}), tmp_path / "run", progress=False)
    assert (
        "cotrain: schedule.warmup_epochs=4.2 in epochs=1: warming up for 0.1 epochs\n"
        in capsys.readouterr().out
    )


def test_settings_of_views_that_nothing_heeds_are_refused_first(tmp_path: Path) -> None:
    experiment = tiny(views={"crop": "none", "padding": 1}, data={"root": "nowhere"})
    with pytest.raises(ConfigError, match=r"views.padding=1 would be ignored"):
        fit(experiment, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no run"):
        fit(tiny(), tmp_path / "run", resume=True)
    fit(tiny(epochs=1), tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match="already holds a run: go on with --resume"):
        fit(tiny(epochs=1), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"config\.yaml says epochs: 1, the settings given say 2"):
        fit(tiny(epochs=2), tmp_path / "run", resume=True)


def test_a_start_that_fails_leaves_the_folder_free(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="optimizer"):
        fit(tiny(optimizer={"options": {"nonsense": 1}}), tmp_path / "run", progress=False)
    assert fit(tiny(epochs=1), tmp_path / "run", progress=False).evaluation is not None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"early_stopping": 3}, "early_stopping=3 needs a validation"),
        ({"hardware": {"precision": "16-mixed"}}, "16-mixed is not possible on a CPU"),
        ({"hardware": {"accelerator": "abacus"}}, "abacus"),
        ({"hardware": {"strategy": "abacus"}}, "abacus"),
        ({"hardware": {"strategy": "fsdp_cpu_offload"}}, "keeps whole ones: give ddp;"),
        ({"hardware": {"strategy": "deepspeed"}}, "strategy=deepspeed divides a network"),
        ({"hardware": {"devices": 2}, "co_training": {"together": False}}, "one device, not 2"),
        ({"hardware": {"devices": 2}, "on_nan": "skip"}, "one device, not 2"),
        ({"batch_size": 81}, "batch_size=81"),
        (
            {"early_stopping": 3, "data": {"validation": 0.2}, "co_training": {"together": False}},
            "together=true",
        ),
    ],
)
def test_impossible_settings(tmp_path: Path, settings: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        fit(tiny(**settings), tmp_path / "run", progress=False)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_other_data_are_not_resumed(tmp_path: Path, monkeypatch) -> None:
    fit(tiny(), tmp_path / "run", progress=False)
    monkeypatch.setattr("cotrain.training.sharing.Sharing.steps", 4)
    with pytest.raises(ConfigError, match="5 steps an epoch and would now have 4"):
        fit(tiny(), tmp_path / "run", resume=True, progress=False)


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"--output .*file/run': Not a directory"):
        fit(tiny(), tmp_path / "file" / "run", progress=False)


def test_process_is_left_as_it_was(tmp_path: Path, monkeypatch) -> None:
    def state() -> tuple:
        levels = [logging.getLogger(n).level for n in ("pytorch_lightning", "lightning_fabric")]
        signals = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
        return levels, signals, torch.get_num_threads()

    before = state()
    fit(tiny(epochs=1, hardware={"threads": 2}), tmp_path / "good", progress=False)
    assert state() == before
    make_loss_infinite(monkeypatch, range(1))
    with pytest.raises(TrainingError):
        fit(tiny(hardware={"threads": 2}), tmp_path / "bad", progress=False)
    assert state() == before


def test_lines_instead_of_a_bar(tmp_path: Path, capsys) -> None:
    fit(tiny(data={"validation": 0.2}), tmp_path / "run")
    *summary, first, second = capsys.readouterr().out.splitlines()
    assert summary[0] == "data: digits, 10 classes"
    assert [line.split(":")[0].strip() for line in summary[1:4]] == ["train", "val", "test"]
    row = read_metrics(tmp_path / "run")[1]
    assert first.startswith("epoch 1/2: ")
    assert second == (
        f"epoch 2/2: loss {row['train_loss']:.3f}, "
        f"train {row['train_accuracy']:.1%} "
        f"({row['train_accuracy_0']:.1%} {row['train_accuracy_1']:.1%}), "
        f"val {row['val_accuracy']:.1%} "
        f"({row['val_accuracy_0']:.1%} {row['val_accuracy_1']:.1%})"
    )


def test_best_validation_is_shipped(tmp_path: Path) -> None:
    experiment = tiny(epochs=6, data={"validation": 0.3}, optimizer={"lr": 1.0})
    result = fit(experiment, tmp_path / "run", progress=False)
    rows = read_metrics(tmp_path / "run")
    best = max(rows, key=lambda row: (row["val_accuracy"], -row["val_nll"]))
    shipped = result.ensemble.state_dict()
    steps = {int(v) for k, v in shipped.items() if k.endswith("num_batches_tracked")}
    assert steps == {best["step"]}


@pytest.mark.parametrize(
    "hardware", [{"channels_last": True}, {"compile": True}, {"precision": "bf16-mixed"}]
)
def test_speed_options_compute_the_same(tmp_path: Path, hardware: dict, monkeypatch) -> None:
    compile_network = torch.nn.Module.compile
    monkeypatch.setattr(  # Inductor would take a minute
        torch.nn.Module, "compile", lambda self: compile_network(self, backend="eager")
    )
    fit(tiny(epochs=1), tmp_path / "plain", progress=False)
    result = fit(tiny(epochs=1, hardware=hardware), tmp_path / "fast", progress=False)
    plain, fast = (read_metrics(tmp_path / name)[0] for name in ("plain", "fast"))
    tolerance = 0.02 if "precision" in hardware else 1e-4
    assert fast["train_loss"] == pytest.approx(plain["train_loss"], rel=tolerance)
    assert final_weights(tmp_path / "fast").keys() == final_weights(tmp_path / "plain").keys()
    assert not any(map(is_compiled, result.ensemble.networks)), "the answer would compile anew"


def test_the_test_images_are_answered_where_the_networks_were_trained(monkeypatch, tmp_path: Path):
    """Lightning leaves the module on the CPU."""
    experiment = tiny()
    splits = experiment_images(experiment)
    module = CoTraining(experiment_ensemble(experiment, splits), experiment, Sharing(whole=5))
    asked = []
    monkeypatch.setattr(Ensemble, "to", lambda self, device: asked.append(device) or self)
    ship_ensemble(module, RunFolder(tmp_path), splits, torch.device("cuda", 3))
    assert asked == [torch.device("cuda", 3)]


@pytest.mark.parametrize(
    ("accelerator", "place"), [("cpu", "cpu"), pytest.param("gpu", "cuda", marks=pytest.mark.gpu)]
)
def test_a_device_trains_and_answers(monkeypatch, tmp_path: Path, accelerator, place) -> None:
    places = []

    def evaluated(ensemble, *args, **options):
        places.append(ensemble.device.type)
        return evaluate_ensemble(ensemble, *args, **options)

    monkeypatch.setattr("cotrain.training.shipping.evaluate_ensemble", evaluated)
    experiment = tiny(hardware={"accelerator": accelerator, "precision": "bf16-mixed"}, ema=0.9)
    result = fit(experiment, tmp_path / "run", progress=False)
    assert (places, result.ensemble.device.type) == ([place], "cpu")
    assert result.evaluation is not None
