"""Greedy soups: of runs that share a start, of runs that do not, and of networks."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import same, tiny

from cotrain.basics.errors import ConfigError
from cotrain.cli import main
from cotrain.config.recipes import dump_experiment, load_recipe
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.ensemble.soup import average
from cotrain.evaluation.evaluate import collect_logits
from cotrain.evaluation.images import images_of_parts
from cotrain.evaluation.scores import scores_of
from cotrain.evaluation.soup import (
    COLLAPSE,
    _keep_statistics,
    _order,
    _renew_statistics,
    soup_of_networks,
    soup_of_runs,
)
from cotrain.training import fit

DATA = {"train_images": 300, "validation": 0.3, "test_images": 200}


def settings(**changed):
    own = {"network": "basic_resnet8_16", "into": 1, "epochs": 12, "batch_size": 32, "data": DATA}
    return tiny(**(own | changed))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A start, two runs that go on from it, and one that began elsewhere."""
    folder = tmp_path_factory.mktemp("soups")
    fit(settings(), folder / "start", progress=False)
    tuned = {"inherit": str(folder / "start"), "epochs": 4}
    for seed in (1, 2):
        rate = {"lr": 0.02 * seed}
        experiment = settings(**tuned, seed=seed, optimizer=rate)
        fit(experiment, folder / f"tuned{seed}", progress=False)
    fit(settings(seed=5), folder / "other", progress=False)
    return folder


def test_a_soup_of_one_start_is_at_least_as_good_as_the_best(root):
    soup = soup_of_runs([root / "tuned1", root / "tuned2"])
    assert soup.start == f"inherit={root / 'start'}"
    first, second = soup.ingredients
    assert first.together is None
    assert second.together is not None
    assert _order(first.alone) >= _order(second.alone)
    assert second.taken == (_order(second.together) >= _order(first.alone))
    assert soup.scores == (second.together if second.taken else first.alone)
    assert not second.collapsed
    assert second.together.top1 > min(first.alone.top1, second.alone.top1) - COLLAPSE


def test_runs_of_other_starts_collapse_and_are_refused(root):
    with pytest.raises(ConfigError, match="have come to different minima") as caught:
        soup_of_runs([root / "start", root / "other"])
    assert "not known that they began alike" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_of_another_start_is_left_out(root):
    soup = soup_of_runs([root / "other", root / "tuned1", root / "tuned2"])
    assert soup.start is None
    collapsed = {each.name for each in soup.ingredients if each.collapsed}
    if soup.ingredients[0].name != str(root / "other"):
        assert str(root / "other") in collapsed


def test_statistics_are_those_of_one_epoch_of_views(root):
    experiment = settings(views={"flip": False, "crop": "none", "padding": 4})
    soup = average([load_shipped(root / f"tuned{seed}") for seed in (1, 2)])
    splits = images_of_parts(root / "tuned1", soup)
    network = soup.networks[0]
    _renew_statistics(soup, splits, experiment)
    assert int(network.get_buffer("layer0.1.num_batches_tracked")) == 210 // 32
    images = splits.train.pixels(range(210))
    with torch.no_grad():
        whole = network.get_submodule("layer0.0")(splits.preprocessing.normalize(images))
    found = network.get_buffer("layer0.1.running_mean")
    torch.testing.assert_close(found, whole.mean((0, 2, 3)), rtol=0.1, atol=0.02)
    assert not soup.training


def test_frozen_statistics_stay_in_a_soup(root, tmp_path):
    """The weights were trained by them; those of two networks of a size are their means."""
    runs = [tmp_path / "one", tmp_path / "two"]
    for run, seed in zip(runs, (1, 2), strict=True):
        shutil.copytree(root / f"tuned{seed}", run)
        frozen = replace(load_recipe(run / "config.yaml").fine_tuning, frozen_batch_norm=True)
        frozen = replace(load_recipe(run / "config.yaml"), fine_tuning=frozen)
        (run / "config.yaml").write_text(dump_experiment(frozen))
    soup = soup_of_runs(runs)
    mean = average([load_shipped(run) for run in runs]).eval()
    assert soup.splits.val is not None
    logits, targets = collect_logits(
        mean, soup.splits.val, soup.splits.preprocessing, batch_size=32
    )
    expected = scores_of(log_probabilities(logits), targets)
    assert soup.ingredients[1].together is not None
    assert soup.ingredients[1].together.nll == pytest.approx(expected.nll, rel=1e-5)
    if soup.ingredients[1].taken:
        assert same(soup.ensemble.state_dict(), mean.state_dict())


def test_equal_statistics_were_frozen_too(root):
    """Those of heads that were trained alone."""
    experiment = load_recipe(root / "tuned1" / "config.yaml")
    one, other = load_shipped(root / "tuned1"), load_shipped(root / "tuned1")
    assert _keep_statistics([(one, experiment), (other, experiment)])
    next(other.buffers()).add_(1e-3)
    assert not _keep_statistics([(one, experiment), (other, experiment)])


def test_networks_that_began_as_one_become_one(root, tmp_path):
    experiment = settings(into=2, epochs=6, co_training={"initialization": "identical"})
    fit(experiment, tmp_path / "run", progress=False)
    soup = soup_of_networks(tmp_path / "run")
    spec = soup.ensemble.spec
    assert (spec.into, soup.start) == (1, "co_training.initialization=identical")
    assert spec.network == load_shipped(tmp_path / "run").spec.network
    assert [each.name for each in soup.ingredients] != []


def test_networks_of_their_own_collapse(tmp_path):
    fit(settings(into=2, network="basic_resnet8_22", epochs=16), tmp_path / "run", progress=False)
    with pytest.raises(
        ConfigError, match=r"the mean of .* network \d and .* network \d is right on"
    ):
        soup_of_networks(tmp_path / "run")


def refusal(capsys, *words: object) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["soup", *map(str, words)])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_the_command_writes_an_ensemble_with_what_was_tried(root, tmp_path, capsys):
    output = tmp_path / "soup"
    main(["soup", str(root / "tuned1"), str(root / "tuned2"), "--output", str(output)])
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"ensemble: {output}"
    assert "On the test images the soup has top-1" in " ".join(out.split())
    record = json.loads((output / "soup.json").read_bytes())
    assert record["ingredients"][0]["name"].startswith(str(root))
    made = soup_of_runs([root / "tuned1", root / "tuned2"])
    assert same(Ensemble.load(output).state_dict(), made.ensemble.state_dict())
    evaluation = json.loads((output / "evaluation.json").read_bytes())
    assert (evaluation["images"], evaluation["tested_on"]) == (200, "test")
    assert "holds a run or an ensemble" in refusal(capsys, root / "start", "--output", output)


def test_what_makes_no_soup_is_refused(root, tmp_path, capsys):
    start, out = root / "start", tmp_path / "out"
    assert "0 runs: give two or more" in refusal(capsys, "--output", out)
    assert "1 runs: give two or more" in refusal(capsys, start, "--output", out)
    assert "each once" in refusal(capsys, start, start, "--output", out)
    assert "it has one network" in refusal(capsys, start, "--networks", "--output", out)
    told = refusal(capsys, start, root / "tuned1", "--networks", "--output", out)
    assert "--networks is of one run, not 2" in told
    assert "is not an ensemble" in refusal(capsys, start, root, "--output", out)
    fit(settings(epochs=1, data=DATA | {"split_seed": 1}), tmp_path / "split", progress=False)
    told = refusal(capsys, start, tmp_path / "split", "--output", out)
    assert "not trained and validated on the same images" in told or "another preprocess" in told
    assert not out.exists()


def test_without_validation_images_there_is_no_soup(tmp_path, capsys):
    for seed in (0, 1):
        fit(tiny(into=1, epochs=1, seed=seed), tmp_path / str(seed), progress=False)
    told = refusal(capsys, tmp_path / "0", tmp_path / "1", "--output", tmp_path / "out")
    assert "the runs have no validation images" in told
