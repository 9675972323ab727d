"""Learning from a teacher: what it sees and answers, what is refused, what stays as it was."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import final_state, final_weights, read_metrics, same, tiny

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.folder import write_fitted
from cotrain.training import CoTraining, fit
from cotrain.training.from_experiment import experiment_images
from cotrain.training.teacher import FixedTeacher, open_teacher


class KilledError(Exception):
    """Ends a run where it is."""


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A large network, trained."""
    folder = tmp_path_factory.mktemp("teacher") / "large"
    fit(tiny(into=1, epochs=4), folder, progress=False)
    return folder


def taught(teacher: Path, weight: float = 0.5, temperature: float = 2.0, **settings) -> Experiment:
    named = {"run": str(teacher), "weight": weight, "temperature": temperature}
    return tiny(teacher=named, **settings)


def opened(experiment: Experiment, output: Path = Path("out")) -> FixedTeacher:
    found = open_teacher(experiment, experiment_images(experiment), RunFolder(output))
    assert found is not None
    return found


def test_the_loss_of_every_epoch_is_the_sum_of_its_terms(large, tmp_path, capsys):
    fit(taught(large, weight=0.7), tmp_path / "run", progress=False)
    said = rf"cotrain: teacher\.run={re.escape(str(large))}: it answers in \d+\.\d ms a step\n"
    assert len(re.findall(said, capsys.readouterr().out)) == 1
    rows = read_metrics(tmp_path / "run")
    assert len(rows) == 2
    for row in rows:
        expected = 0.3 * row["train_cross_entropy"] + 0.7 * row["train_teacher"]
        expected += row["co_training_weight"] * row["train_divergence"]
        assert row["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_without_a_teacher_nothing_speaks_of_one(tmp_path):
    fit(tiny(), tmp_path / "run", progress=False)
    assert "train_teacher" not in read_metrics(tmp_path / "run")[0]
    assert final_state(tmp_path / "run")["cotrain"]["teacher"] is None


def test_a_network_comes_to_answer_as_its_teacher(large, tmp_path):
    """With all the weight on the teacher, the distance to it falls."""
    experiment = taught(large, weight=1.0, into=1, epochs=6)
    fit(experiment, tmp_path / "run", progress=False)
    distances = [row["train_teacher"] for row in read_metrics(tmp_path / "run")]
    assert distances[-1] < 0.6 * distances[0]


@pytest.mark.parametrize("same_view", [False, True])
def test_it_answers_the_mixed_view_of_each_network(large, tmp_path, monkeypatch, same_view):
    """What its networks get is what the trained networks get, bit for bit."""
    seen: list[torch.Tensor] = []
    learnt: list[torch.Tensor] = []
    answer, step = FixedTeacher.soft_targets, CoTraining.training_step

    def noting(self: FixedTeacher, views: torch.Tensor):
        found = answer(self, views)
        for view, scores in zip(views, found.scores, strict=True):
            assert torch.equal(scores, self.ensemble(view).mean(0).detach())
        seen.append(views.clone())
        return found

    def stepping(self: CoTraining, batch, batch_idx):
        learnt.append(batch.images.clone())
        return step(self, batch, batch_idx)

    monkeypatch.setattr(FixedTeacher, "soft_targets", noting)
    monkeypatch.setattr(CoTraining, "training_step", stepping)
    views = {"mixup": 0.4, "cutmix": 1.0, "erasing": 0.5, "same_view": same_view}
    fit(taught(large, epochs=1, views=views), tmp_path / "run", progress=False)
    assert len(learnt) == 5
    assert all(map(torch.equal, seen[-5:], learnt))
    assert torch.equal(learnt[0][0], learnt[0][1]) == same_view


def test_the_teacher_stays_as_it_is(large, tmp_path):
    before = Ensemble.load(large / "ensemble").state_dict()
    experiment = taught(large)
    teacher = opened(experiment)
    fit(experiment, tmp_path / "run", progress=False)
    assert same(teacher.ensemble.state_dict(), before)
    assert not any(each.requires_grad for each in teacher.ensemble.parameters())
    state = final_state(tmp_path / "run")
    assert not any("teacher" in name for name in state["state_dict"])


def test_images_normalised_otherwise_are_normalised_as_the_teachers(large):
    own = opened(taught(large))
    other = opened(taught(large, data={"mean": [0.5], "std": [0.25]}))
    assert own.change is None
    pixels = torch.randint(0, 256, (6, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    shape = other.ensemble.spec.preprocessing
    assert shape is not None
    ours = replace(shape, mean=(0.5,), std=(0.25,)).normalize(pixels)
    with torch.no_grad():
        expected = other.ensemble(shape.normalize(pixels)).mean(0)
    torch.testing.assert_close(other.soft_targets(ours[None]).scores[0], expected)


def test_the_held_out_images_are_those_that_the_teacher_held_out(large, tmp_path):
    with pytest.raises(ConfigError, match=r"teacher\.run=.*data\.split_seed=0, not 1"):
        fit(taught(large, data={"split_seed": 1}), tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    "settings",
    [
        {"co_training": {"together": False}},
        {"optimizer": {"accumulate": 2}, "ema": 0.9},
        {"hardware": {"precision": "bf16-mixed"}},
        {"hardware": {"channels_last": True}},
        {"hardware": {"execution": "threads"}},
    ],
    ids=lambda each: next(iter(next(iter(each.values())))),
)
def test_it_is_resumed_bit_for_bit(large, tmp_path, monkeypatch, settings):
    experiment = taught(large, checkpoint_steps=1, **settings)
    fit(experiment, tmp_path / "whole", progress=False)
    step = CoTraining.training_step

    def dying(self: CoTraining, batch, batch_idx):
        if (self.current_epoch, batch_idx) == (1, 3):
            raise KilledError
        return step(self, batch, batch_idx)

    monkeypatch.setattr(CoTraining, "training_step", dying)
    with pytest.raises(KilledError):
        fit(experiment, tmp_path / "run", progress=False)
    monkeypatch.setattr(CoTraining, "training_step", step)
    fit(experiment, tmp_path / "run", resume=True, progress=False)
    assert same(final_weights(tmp_path / "run"), final_weights(tmp_path / "whole"))
    tables = [RunFolder(tmp_path / name).metrics.read_bytes() for name in ("run", "whole")]
    assert tables[0] == tables[1]


def test_a_resume_with_another_teacher_is_refused(large, tmp_path):
    teacher = tmp_path / "teacher"
    shutil.copytree(large, teacher)
    experiment = taught(teacher)
    fit(experiment, tmp_path / "run", progress=False)
    shutil.rmtree(teacher)
    with pytest.raises(ConfigError, match=r"teacher\.run=.* is not there"):
        fit(experiment, tmp_path / "run", resume=True, progress=False)
    fit(tiny(into=1, epochs=1, seed=5), teacher, progress=False)
    with pytest.raises(ConfigError, match="not hold the ensemble that the run has learnt from"):
        fit(experiment, tmp_path / "run", resume=True, progress=False)


def test_a_calibrated_teacher_is_the_same_one(large, tmp_path):
    """What cotrain calibrate adds is not asked, so it may come while a run is stopped."""
    copy = shutil.copytree(large, tmp_path / "copy")
    before, views = opened(taught(copy)), torch.randn(2, 3, 1, 8, 8)
    write_fitted(copy / "ensemble", Calibration(combine="mean_logits", temperature=3.0, images=9))
    after = opened(taught(copy))
    assert after.ensemble.spec.calibration is not None
    assert after.identity == before.identity
    assert torch.equal(after.soft_targets(views).scores, before.soft_targets(views).scores)


def test_weights_of_a_teachers_networks_are_left_out_and_that_is_said(tmp_path, capsys):
    fit(tiny(epochs=1), tmp_path / "two", progress=False)
    found, views = opened(taught(tmp_path / "two")), torch.randn(2, 3, 1, 8, 8)
    assert "count alike" not in capsys.readouterr().out
    weighted = Calibration(combine="mean_logits", weights=(0.9, 0.1), images=9)
    write_fitted(tmp_path / "two" / "ensemble", weighted)
    again = opened(taught(tmp_path / "two"))
    said = f"cotrain: teacher.run={tmp_path / 'two'}: its networks count alike, not by the weights"
    assert said in capsys.readouterr().out
    assert torch.equal(again.soft_targets(views).scores, found.soft_targets(views).scores)


def refusal(experiment: Experiment, output: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        fit(experiment, output, progress=False)
    assert "\n" not in str(caught.value)
    assert not (output / "config.yaml").exists()
    return str(caught.value)


def test_a_teacher_of_other_images_is_refused(large, tmp_path):
    told = refusal(taught(large, data={"image_size": 16}), tmp_path / "run")
    assert told.endswith(
        "it takes images of image_size 8, not 16: give --data.image_size 8, or a teacher trained "
        "on these images"
    )
    told = refusal(taught(large, data={"in_channels": 3}), tmp_path / "run")
    assert "in_channels 1, not 3" in told


def test_a_teacher_of_other_classes_is_refused(large, tmp_path):
    ensemble = Ensemble.load(large / "ensemble")
    ensemble.spec = replace(ensemble.spec, classes=tuple("1023456789"))
    ensemble.save(tmp_path / "other")
    told = refusal(taught(tmp_path / "other"), tmp_path / "run")
    assert f"teacher.run={tmp_path / 'other'}: class 0 is '1' in the ensemble, but '0'" in told


@pytest.mark.parametrize("place", ["run", "run/ensemble", "run/checkpoints/best"])
def test_a_teacher_where_the_run_writes_is_refused(large, tmp_path, place):
    shutil.copytree(large / "ensemble", tmp_path / place)
    told = refusal(taught(tmp_path / place), tmp_path / "run")
    assert f"it is where --output {tmp_path / 'run'} will be written" in told


def test_what_is_no_ensemble_is_refused(large, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    assert "is not an ensemble" in refusal(taught(tmp_path / "model.onnx"), tmp_path / "run")
    assert "is not there" in refusal(taught(tmp_path / "nothing"), tmp_path / "run")
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    shutil.copy(large / "config.yaml", unfinished)
    assert "is a run that has not ended" in refusal(taught(unfinished), tmp_path / "run")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"weight": 0.0}, "teacher.weight=0.0 is no share of a teacher"),
        ({"weight": 1.5}, "teacher.weight=1.5 is no share of a teacher"),
        ({"weight": float("nan")}, "teacher.weight=nan is not finite"),
        ({"temperature": 0.0}, "teacher.temperature=0.0 is not in [0.01, 100]"),
        ({"temperature": 1e30}, "teacher.temperature=1e+30 is not in [0.01, 100]"),
        ({"temperature": float("nan")}, "teacher.temperature=nan is not finite"),
        ({"run": None, "weight": 0.7}, "teacher.weight=0.7 would be ignored"),
        ({"run": None, "temperature": 4.0}, "teacher.temperature=4.0 would be ignored"),
    ],
)
def test_impossible_settings_are_refused(settings, told):
    with pytest.raises(ConfigError) as caught:
        tiny(teacher={"run": "x", **settings})
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    "settings",
    [{"co_training": {"label_smoothing": 0.1}}, {"weights": {"classes": "balanced"}}],
)
def test_settings_of_labels_that_nothing_heeds_are_refused(settings):
    with pytest.raises(ConfigError, match=r"would be ignored, as teacher\.weight=1"):
        tiny(teacher={"run": "x", "weight": 1.0}, **settings)


def test_four_networks_teach_four(large, tmp_path):
    fit(tiny(into=4, epochs=1), tmp_path / "four", progress=False)
    experiment = taught(tmp_path / "four", into=4, epochs=1)
    views = torch.randn(4, 3, 1, 8, 8)
    teacher = opened(experiment)
    assert teacher.soft_targets(views).scores.shape == (4, 3, 10)
    result = fit(experiment, tmp_path / "run", progress=False)
    assert result.ensemble.spec.into == 4
