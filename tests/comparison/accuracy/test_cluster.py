"""Runs as tasks of one small Ray cluster: the weights of processes, and how tasks end."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from side_runs import make_run, one_hangs, quick
from training_runs import TINY, tiny

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.basics.lock import locked
from cotrain.comparison.accuracy import cluster
from cotrain.comparison.accuracy.cluster import RayCluster, RayTasks, ray_tasks
from cotrain.comparison.accuracy.compare import compare
from cotrain.comparison.accuracy.trainings import train_all
from cotrain.training import fit


def tasks_of(folder: Path, **given):
    return ray_tasks(RayCluster(**given), TINY, folder, jobs=None)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://10.0.0.1:10001", "is no HOST:PORT such as 10.0.0.1:6379"),
        ("127.0.0.1", "is no HOST:PORT"),
        ("127.0.0.1:1", "refused: start a cluster there"),
    ],
)
def test_an_address_where_no_cluster_is_is_refused_at_once(tmp_path, monkeypatch, address, message):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=message) as error, tasks_of(tmp_path):
        pass
    assert str(error.value).startswith(f"RAY_ADDRESS={address}")


def test_without_ray_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'cotrain\[cluster\]'"), tasks_of(tmp_path):
        pass


@pytest.fixture(scope="module")
def two_cores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster of this machine with two cores, connected to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "local")
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setattr(cluster, "usable_cores", lambda: 2)
        with tasks_of(tmp_path_factory.mktemp("cluster")) as tasks:
            assert (tasks.jobs, tasks.threads) == (2, 1)
            yield


@pytest.fixture
def tasks(two_cores: None, tmp_path: Path) -> Iterator[RayTasks]:
    with locked(tmp_path), tasks_of(tmp_path) as tasks:
        yield tasks


@pytest.mark.usefixtures("two_cores")
def test_weights_are_those_of_this_process_and_a_finished_comparison_trains_nothing(tmp_path):
    asked = {"into": (2,), "seeds": (0, 1), "independent": False, "cluster": RayCluster()}
    first = compare(tiny(seed=3), tmp_path / "ray", **asked)
    assert (first.jobs, first.training_threads) == (2, (1,))
    alone = replace(TINY, seed=1, hardware=replace(TINY.hardware, threads=1))
    fit(alone, tmp_path / "alone", progress=False, split_of=tmp_path / "ray")
    weights = Path("ensemble", "model.safetensors")
    ours = (tmp_path / "ray" / "s2-seed1" / weights).read_bytes()
    assert ours == (tmp_path / "alone" / weights).read_bytes()
    again = compare(tiny(seed=3), tmp_path / "ray", **asked, train=print)
    assert again.candidates[0].given == first.candidates[0].given


def test_begun_runs_are_resumed_and_see_no_gpu(tmp_path, tasks):
    runs = [make_run(tmp_path, seed) for seed in (0, 1)]
    finished = []
    for _ in range(2):
        train_all(runs[:1], train=quick, workers=tasks, done=finished.append)
    train_all(runs, train=notes_its_gpus, workers=tasks, done=finished.append)
    assert (tmp_path / "calls").read_text().splitlines() == [
        "seed0 resume=False threads=1",
        "seed0 resume=True threads=1",
    ]
    assert [(tmp_path / f"seed{seed}" / "gpus").read_text() for seed in (0, 1)] == ["", ""]
    assert len(finished) == 4


def notes_its_gpus(experiment, output, **_):
    output.mkdir(exist_ok=True)
    (output / "gpus").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    (output / "evaluation.json").touch()


@pytest.mark.parametrize(
    ("seed", "message"),
    [(7, "S=4 seed 7: lr is wrong"), (9, "S=4 seed 9: its process died, perhaps for lack of memo")],
)
def test_a_run_that_fails_or_dies_is_named_in_one_line(tmp_path, tasks, capfd, seed, message):
    with pytest.raises(TrainingError) as error:
        train_all([make_run(tmp_path, seed)], train=quick, workers=tasks, done=print)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_stops_the_run_in_progress(tmp_path, tasks):
    os.mkfifo(tmp_path / "begun")
    runs = [make_run(tmp_path, seed) for seed in (0, 1)]

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_all(runs, train=one_hangs, workers=tasks, done=interrupt)
    assert (tmp_path / "stopped").exists()


def test_a_machine_that_does_not_see_the_comparison_is_named(tmp_path, tasks):
    (tmp_path / "elsewhere").mkdir()
    run = replace(make_run(tmp_path, 0), split_of=tmp_path / "elsewhere")
    with pytest.raises(TrainingError, match=r"does not see the comparison in \S+elsewhere: give"):
        train_all([run], train=quick, workers=tasks, done=print)


def test_a_machine_without_our_modules_is_told(tmp_path, tasks, monkeypatch):
    monkeypatch.setitem(sys.modules, "only_here", ModuleType("only_here"))
    exec("def train(*_, **__): pass", sys.modules["only_here"].__dict__)
    train = sys.modules["only_here"].train
    with pytest.raises(TrainingError, match=r"ModuleNotFoundError: No module named 'only_here'"):
        train_all([make_run(tmp_path, 0)], train=train, workers=tasks, done=print)


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize(
    ("setting", "gpus", "needs"),
    [
        ({"hardware": {"threads": 3}}, None, "3 CPU of a machine, .* has 2 CPU"),
        ({"data": {"workers": 4}}, None, "4 CPU of a machine, .* has 2 CPU"),
        ({}, 0.5, "1 CPU, 0.5 GPU of a machine, .* has 2 CPU, 0 GPU"),
    ],
)
def test_a_run_for_which_no_machine_has_room_is_refused(tmp_path, setting, gpus, needs):
    asked = ray_tasks(RayCluster(gpus=gpus), tiny(**setting), tmp_path, jobs=None)
    with pytest.raises(ConfigError, match=f"a run takes {needs}: give fewer"), asked:
        pass
