"""A comparison with a trainer that trains nothing: what is run, computed, written and said."""

import json
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_runs import CLASSES, EXPERIMENT, IMAGES, fake_fit

from cotrain import ConfigError, TrainingError, divide, networks
from cotrain.basics import lock
from cotrain.basics.errors import Interrupted
from cotrain.cli import main
from cotrain.comparison.accuracy.compare import compare
from cotrain.comparison.accuracy.run import Run
from cotrain.config import CoTrainingOptions, Data, Hardware, Views
from cotrain.config.recipes import dump_experiment, load_recipe


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    output = tmp_path_factory.mktemp("comparison")
    comparison = compare(EXPERIMENT, output, into=(1, 2), seeds=(0, 1), jobs=1, train=fake_fit)
    return comparison, output


def test_every_candidate_is_trained_with_every_seed_the_longest_first(done):
    calls = (done[1] / "calls").read_text().split()
    names = ["s2-independent", "s2", "s1"]
    assert calls == [f"{name}-seed{seed}" for seed in (0, 1) for name in names]


def test_numbers_are_those_of_the_predictions(done):
    large, two, independent = done[0].candidates
    assert (large.name, two.name, independent.name) == ("S=1", "S=2", "S=2 independent")
    assert large.errors == (50, 50)
    assert two.errors == pytest.approx((2.5, 5))
    assert (two.given.error.mean, two.given.error.std) == pytest.approx(
        (3.75, np.std([2.5, 5], ddof=1))
    )
    assert two.single_error == two.given.error  # its networks all answer the same
    assert two.disagreement is not None
    assert two.disagreement.mean == 0
    right, wrong = -np.log(np.exp([4, 0]) / (np.exp(4) + 2))
    expected = [(n * wrong + (IMAGES - n) * right) / IMAGES for n in (1, 2)]
    assert two.nlls == pytest.approx(expected)
    assert two.to_large is not None
    error = two.to_large.differences["error"]
    assert error.mean == pytest.approx(3.75 - 50)
    assert error.low < 3.75 - 50 < error.high
    assert large.to_large is None


def test_costs_and_times_are_those_of_the_ensembles(done):
    comparison, output = done
    large, two, _ = comparison.candidates
    spec = networks.spec("basic_resnet8_8", num_classes=CLASSES, in_channels=1, image_size=8)
    before, after = divide(spec, 1), divide(spec, 2)
    assert (two.cost.params, two.cost.macs) == (after.params, after.macs((1, 8, 8)))
    assert two.cost.params_ratio == pytest.approx(after.params / before.params)
    assert two.cost.macs_ratio == pytest.approx(after.macs((1, 8, 8)) / before.macs((1, 8, 8)))
    assert large.cost.macs_ratio == large.cost.params_ratio == 1
    assert [latency.batch_size for latency in two.latencies] == [1, 64]
    times = [json.loads((output / f"s2-seed{k}/seconds.json").read_text()) for k in (0, 1)]
    assert two.seconds == pytest.approx(np.median(times))


def test_the_verdict_is_plain(done):
    assert (
        done[0]
        .verdict[0]
        .startswith(
            "S=2 is better than the large network on these data, at about equal cost (1.13 times "
            "the params, 1.13 times the MACs): it has an error of 3.75 % against 50.00 % of the "
            "large network, -46.25 points"
        )
    )
    assert done[0].verdict[1].startswith("Its probabilities, not calibrated, for want of images")
    assert "does not say which images it validated with" in done[0].not_calibrated


def test_the_record_is_plain_json(done):
    record = json.loads(json.dumps(done[0].to_dict()))
    assert (record["seeds"], record["images"]) == ([0, 1], IMAGES)
    difference = record["candidates"][1]["to_large"]["differences"]["error"]
    assert difference["over"] == "seeds and images"
    assert record["candidates"][1]["errors"] == [2.5, 5]
    assert record["experiment"]["network"] == "basic_resnet8_8"
    assert record["machine"]["torch"] == torch.__version__


def test_a_finished_comparison_trains_nothing_again(done):
    comparison, output = done
    calls = (output / "calls").read_text()
    again = compare(EXPERIMENT, output, into=(1, 2), seeds=(0, 1), jobs=1, train=fake_fit)
    assert (output / "calls").read_text() == calls
    assert [each.errors for each in again.candidates] == [
        each.errors for each in comparison.candidates
    ]
    with pytest.raises(ConfigError, match="holds a run with epochs: 60, not 1"):
        compare(replace(EXPERIMENT, epochs=1), output, into=(1, 2), seeds=(0,), train=fake_fit)


def test_the_command_shows_and_writes_what_is_finished(done, capsys):
    comparison, output = done
    main(
        ["compare", "--network=basic_resnet8_8", "--into=1,2", "--seeds=0,1", f"--output={output}"]
    )
    assert comparison.verdict[0] in " ".join(capsys.readouterr().out.split())
    record = json.loads((output / "comparison.json").read_text())
    assert [each["errors"] for each in record["candidates"]][:2] == [[50, 50], [2.5, 5]]
    assert (output / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_independent_networks_have_nothing_in_common(done):
    text = (done[1] / "s2-independent-seed0/config.yaml").read_text()
    alone = replace(EXPERIMENT, into=2, co_training=CoTrainingOptions(weight=0.0))
    assert text == dump_experiment(alone)


def test_ablations_stand_in_the_same_table(tmp_path):
    comparison = compare(
        EXPERIMENT,
        tmp_path,
        into=(1, 2),
        seeds=(0,),
        independent=False,
        ablations=("views", "separate"),
        jobs=1,
        train=fake_fit,
    )
    names = [each.name for each in comparison.candidates]
    assert names == ["S=1", "S=2", "S=2 same view", "S=2 trained separately"]
    large = comparison.candidates[3].to_large
    assert large is not None
    assert large.differences["error"].direction == "lower with this seed"
    assert large.differences["error"].mean == pytest.approx(-47.5)
    settings = {
        "s2-views-seed0": replace(EXPERIMENT, into=2, views=Views(same_view=True)),
        "s2-separate-seed0": replace(
            EXPERIMENT, into=2, co_training=CoTrainingOptions(together=False)
        ),
    }
    for folder, experiment in settings.items():
        assert (tmp_path / folder / "config.yaml").read_text() == dump_experiment(experiment)


def test_without_the_large_network_nothing_is_compared(tmp_path):
    comparison = compare(
        EXPERIMENT, tmp_path, into=(2,), seeds=(0,), independent=False, jobs=1, train=fake_fit
    )
    (two,) = comparison.candidates
    assert two.to_large is None
    assert two.given.error.std is None
    assert comparison.verdict[0].startswith("The large network was not trained")


def test_a_failing_run_stops_the_comparison(tmp_path):
    with pytest.raises(TrainingError, match=r"^S=1 seed 9: the loss is NaN$"):
        compare(EXPERIMENT, tmp_path, into=(1,), seeds=(9, 0), jobs=1, train=fake_fit)
    assert (tmp_path / "calls").read_text() == "s1-seed9\n"


def test_runs_tested_on_different_images_are_refused(tmp_path):
    for seed in (0, 8):
        fake_fit(
            replace(EXPERIMENT, into=1, seed=seed),
            tmp_path / f"s1-seed{seed}",
            resume=False,
            progress=False,
            split_of=tmp_path,
        )
    with pytest.raises(ConfigError, match="runs of S=1 were tested on other images"):
        compare(EXPERIMENT, tmp_path, into=(1,), seeds=(0, 8), train=fake_fit)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_says_how_to_go_on(tmp_path, monkeypatch, number):
    def interrupted(*_, **__):
        signal.raise_signal(number)

    monkeypatch.setattr("cotrain.comparison.accuracy.all_runs.train_all", interrupted)
    with pytest.raises(Interrupted, match="the same command goes on") as error:
        compare(EXPERIMENT, tmp_path, into=(1,), seeds=(0,), train=fake_fit)
    assert error.value.exit_code == 128 + number


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"into": ()}, "into=[] is empty"),
        ({"seeds": (1, 1)}, "seeds=[1, 1] repeats a value"),
        ({"ablations": ("init", "init")}, "ablation=['init', 'init'] repeats a value"),
        ({"sweep": (0, 0.0)}, "sweep=[0, 0.0] repeats a value"),
        ({"sweep": (-1,)}, "sweep=-1 is no weight"),
        ({"varied": (2, 2)}, "varied=[2, 2] repeats a value"),
        ({"ablations": ("inits",)}, "ablation='inits' is not known"),
        ({"jobs": 0}, "jobs=0 is below 1"),
        ({"budget_minutes": 0}, "budget_minutes=0 is no time"),
        ({"into": (0, 1)}, "into=0 is not in [1, 1024]"),
    ],
)
def test_impossible_arguments_are_refused(tmp_path, arguments, message):
    with pytest.raises(ConfigError) as error:
        compare(EXPERIMENT, tmp_path, train=fake_fit, **arguments)
    assert message in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", [{"devices": 2}, {"devices": "-1"}, {"num_nodes": 2}])
def test_runs_of_several_devices_are_refused(tmp_path, setting):
    experiment = replace(EXPERIMENT, hardware=Hardware(**setting))
    ((name, value),) = setting.items()
    with pytest.raises(ConfigError, match=rf"hardware.{name}={value}: .* on one device"):
        compare(experiment, tmp_path, train=fake_fit)
    assert list(tmp_path.iterdir()) == []


def test_as_many_runs_at_once_as_there_are_gpus(tmp_path, monkeypatch):
    module = "cotrain.comparison.accuracy.all_runs"
    monkeypatch.setattr(f"{module}._device", lambda _: "cuda")
    monkeypatch.setattr(f"{module}.visible_gpus", lambda: ["0", "1", "2"])
    asked = []

    def train_all(runs, *, workers, **_):
        asked.append(workers.jobs)
        raise TrainingError("enough")

    monkeypatch.setattr(f"{module}.train_all", train_all)
    with pytest.raises(TrainingError, match="enough"):
        compare(EXPERIMENT, tmp_path, train=fake_fit)
    assert asked == [3]


@pytest.mark.usefixtures("in_this_process")
def test_threads_are_those_of_what_is_asked_for_not_of_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("cotrain.comparison.accuracy.all_runs.usable_cores", lambda: 4)
    asked = {"into": (1, 2), "seeds": (0, 1), "independent": False, "train": fake_fit}
    free = replace(EXPERIMENT, hardware=Hardware())
    assert compare(free, tmp_path, jobs=2, **asked).training_threads == (2,)
    shutil.rmtree(tmp_path / "s2-seed1")
    assert compare(free, tmp_path, jobs=2, **asked).training_threads == (2,)
    config = tmp_path / "s2-seed1" / "config.yaml"
    assert load_recipe(config).hardware.threads == 2
    # Begun runs keep theirs, whatever is asked for now, and the record says so.
    shutil.rmtree(tmp_path / "s2-seed1")
    assert compare(free, tmp_path, jobs=1, **asked).training_threads == (2, 4)
    three = replace(EXPERIMENT, hardware=Hardware(threads=3))
    with pytest.raises(ConfigError, match=r"holds a run with hardware\.threads: 2, not 3"):
        compare(three, tmp_path, **asked)


def test_a_comparison_has_its_folder_to_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0)
    with lock.locked(tmp_path), pytest.raises(ConfigError, match="is being written by process"):
        compare(EXPERIMENT, tmp_path, into=(1,), seeds=(0,), train=fake_fit)


def test_a_comparison_inside_the_images_is_refused(tmp_path):
    inside = replace(EXPERIMENT, data=Data(dataset="imagefolder", root=str(tmp_path)))
    with pytest.raises(ConfigError, match="is inside"):
        compare(inside, tmp_path / "c", into=(1,), seeds=(0,), train=fake_fit)
    assert list(tmp_path.iterdir()) == []


def test_a_runs_line_is_printed_when_it_is_done(tmp_path, in_this_process, monkeypatch, capsys):
    monkeypatch.setattr(Run, "seconds", 23.4)
    compare(EXPERIMENT, tmp_path, into=(1, 2), seeds=(0,), independent=False, train=fake_fit)
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "1 of 2: S=2 seed 0: error 2.50 %, 23 s; about 23 s left",
        "2 of 2: S=1 seed 0: error 50.00 %, 23 s",
    ]


def test_a_budget_trains_the_first_seeds_of_all_candidates(tmp_path, in_this_process, monkeypatch):
    def measure_all(runs, *, workers):
        assert workers.jobs == 1
        return {run.candidate: 60.0 for run in runs}

    monkeypatch.setattr("cotrain.comparison.accuracy.all_runs.measure_all", measure_all)
    asked = {"into": (1, 2), "seeds": (0, 1, 2), "independent": False, "jobs": 1}
    with pytest.raises(ConfigError, match="budget_minutes=1 is too short for seed 0"):
        compare(EXPERIMENT, tmp_path, **asked, budget_minutes=1, train=fake_fit)
    assert not (tmp_path / "calls").exists()
    comparison = compare(EXPERIMENT, tmp_path, **asked, budget_minutes=4.5, train=fake_fit)
    assert (comparison.seeds, comparison.left_out) == ((0, 1), (2,))
    assert [each.errors for each in comparison.candidates] == [(50, 50), (2.5, 5)]
    calls = (tmp_path / "calls").read_text().split()
    assert calls == ["s2-seed0", "s1-seed0", "s2-seed1", "s1-seed1"]
    # The same command goes on.
    comparison = compare(EXPERIMENT, tmp_path, **asked, budget_minutes=4.5, train=fake_fit)
    assert (comparison.seeds, comparison.left_out) == ((0, 1, 2), ())
    assert (tmp_path / "calls").read_text().split()[4:] == ["s2-seed2", "s1-seed2"]
