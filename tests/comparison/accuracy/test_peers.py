"""Peers stand beside the networks they are compared with, on the same images and settings."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from training_runs import TINY

from cotrain import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.cli import main
from cotrain.comparison.accuracy.compare import compare
from cotrain.comparison.accuracy.peers import list_peers
from cotrain.config import CoTrainingOptions, Experiment, Hardware
from cotrain.config.recipes import load_recipe
from cotrain.training import fit

installed = pytest.mark.skipif(find_spec("lightning") is None, reason="the extra is missing")
EXPERIMENT = replace(TINY, network="basic_resnet8_8", epochs=1)


@pytest.fixture(autouse=True)
def pretended(monkeypatch, request):
    """The extra is there, unless the test is for what needs it."""
    if not request.node.get_closest_marker("skipif"):
        monkeypatch.setattr("cotrain.ensemble.peers.library.find_spec", lambda _: object())


def test_a_peer_has_all_settings_but_those_of_several_networks():
    threads = Experiment(epochs=3, hardware=Hardware(execution="threads"))
    packed, mimo, repeating = list_peers(threads, ["packed", "mimo:3", "mimo:2:0.60"])
    assert [(each.name, each.slug) for each in (packed, mimo, repeating)] == [
        ("packed 4", "packed4"),
        ("MIMO 3", "mimo3"),
        ("MIMO 2, repetition 0.6", "mimo2-0.6"),
    ]
    expected = Experiment(epochs=3, into=4, peer="packed", co_training=CoTrainingOptions(weight=0))
    assert packed.experiment == expected
    assert mimo.experiment == replace(expected, into=3, peer="mimo")
    assert repeating.experiment == replace(expected, into=2, peer="mimo", input_repetition=0.6)


@pytest.mark.parametrize(
    ("peers", "said"),
    [
        (["bagging"], r"^peers='bagging' is not known: use some of packed,mimo, with the number"),
        (["packed:"], "^peers='packed:' is not known"),
        (["packed:-2"], "^peers='packed:-2' is not known"),
        (["mimo:2:"], "^peers='mimo:2:' is not known"),
        (["mimo:2:1.5"], "^input_repetition=1.5 is not a probability: give 0 to 1"),
        (["packed:2:0.5"], "^input_repetition=0.5 would be ignored: it is for peer=mimo$"),
        (["packed:1"], "^into=1 is one answer, and peer=packed gives several"),
        (["packed", "packed:4"], "^peers=packed,packed:4 names one twice: give each once$"),
    ],
)
def test_what_is_no_peer_is_refused(peers, said):
    with pytest.raises(ConfigError, match=said):
        list_peers(Experiment(), peers)


def test_a_peer_for_all_is_refused():
    with pytest.raises(ConfigError, match=r"^peer=mimo would be of all candidates: give --peers"):
        list_peers(
            Experiment(peer="mimo", into=2, co_training=CoTrainingOptions(weight=0)), ["packed"]
        )


def test_without_the_extra_the_command_names_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("cotrain.ensemble.peers.library.find_spec", lambda _: None)
    with pytest.raises(SystemExit) as stopped:
        main(["compare", "--config=digits", "--peers=packed", f"--output={tmp_path / 'new'}"])
    assert stopped.value.code == 2
    assert "pip install 'cotrain[peers]'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("peers")


@installed
def test_they_are_compared_with_the_large_network_and_the_ensemble(in_this_process, output):
    found = compare(
        EXPERIMENT,
        output,
        into=(1, 2),
        seeds=(0, 1),
        independent=False,
        peers=("packed", "mimo"),
        jobs=1,
        train=fit,
    )
    large, two, packed, mimo = found.candidates
    assert [each.peer for each in found.candidates] == ["none", "none", "packed", "mimo"]
    assert (packed.into, mimo.into) == (4, 2)
    for each in (packed, mimo):
        assert each.cost.equal
        assert len(each.latencies) == 2
        assert each.cascade is None
        assert each.to_large is not None
        assert each.to_ensemble is not None
        assert each.to_ensemble.name == "S=2"
        less = np.array(each.errors) - np.array(two.errors)
        assert each.to_ensemble.differences["error"].mean == pytest.approx(less.mean())
        assert each.to_ensemble.differences["error"].compared == 2
    assert large.to_ensemble is None
    assert two.to_ensemble is None
    assert any(line.startswith("Peers, one network each: packed 4 has") for line in found.verdict)
    digests = {(output / f"{name}-seed0/split.jsonl").read_bytes() for name in ("s1", "packed4")}
    assert len(digests) == 1
    assert load_recipe(RunFolder(output / "mimo2-seed1").config).seed == 1


@installed
def test_a_finished_peer_of_other_settings_is_refused(in_this_process, output):
    given = {"into": (1,), "seeds": (0,), "peers": ("packed",), "jobs": 1, "train": fit}
    other = replace(EXPERIMENT, batch_size=8)
    with pytest.raises(ConfigError, match=r"holds a run with batch_size: 16, not 8: choose"):
        compare(other, output, **given)
    assert compare(EXPERIMENT, output, **given).verdict[0].startswith("No S networks were trained")


@installed
def test_widths_that_it_does_not_divide_are_refused_before_anything_is_trained(
    in_this_process, tmp_path
):
    with pytest.raises(ConfigError, match=r"^peer=packed: 3 estimators cannot share 2 times"):
        compare(EXPERIMENT, tmp_path, into=(1,), seeds=(0,), peers=("packed:3",), jobs=1, train=fit)
    assert not list(tmp_path.glob("*-seed0"))
