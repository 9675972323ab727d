"""Shares of a comparison's runs, trained side by side into one folder."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_runs import EXPERIMENT, fake_fit

from cotrain.basics.errors import ConfigError
from cotrain.comparison.accuracy.all_candidates import all_candidates
from cotrain.comparison.accuracy.compare import compare
from cotrain.comparison.accuracy.only import Only, read_only, train_only
from cotrain.data import Splits

ASKED = {"into": (1, 2), "seeds": (0, 1, 2), "independent": False}


def train_share(number, of, folder):
    candidates = all_candidates(EXPERIMENT, **ASKED)
    share = Only(number=number, of=of)
    train_only(share, EXPERIMENT, candidates, (0, 1, 2), folder, jobs=1, train=fake_fit)


@pytest.mark.usefixtures("in_this_process")
def test_shares_that_begin_at_once_train_each_run_once_on_one_split(tmp_path, monkeypatch):
    written = []
    write = Splits.write
    monkeypatch.setattr(Splits, "write", lambda *given: (written.append(1), write(*given)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: train_share(number, 4, tmp_path), (1, 2, 3, 4)))
    assert written == [1]
    names = [f"s{into}-seed{seed}" for into in (1, 2) for seed in (0, 1, 2)]
    assert sorted((tmp_path / "calls").read_text().split()) == names
    assert not (tmp_path / "comparison.json").exists()
    comparison = compare(EXPERIMENT, tmp_path, **ASKED, train=print)
    assert comparison.seeds == (0, 1, 2)
    assert [each.slug for each in comparison.candidates] == ["s1", "s2"]


@pytest.mark.usefixtures("in_this_process")
def test_a_share_is_every_so_many_runs_and_is_not_trained_again(tmp_path):
    for _ in range(2):
        train_share(2, 3, tmp_path)
    assert (tmp_path / "calls").read_text().split() == ["s1-seed0", "s2-seed2"]


def test_a_share_is_read():
    assert read_only("2/12", budget_minutes=None, cluster=None) == Only(number=2, of=12)
    assert str(Only(number=2, of=12)) == "share 2 of 12"


@pytest.mark.parametrize(
    ("text", "beside", "message"),
    [
        ("0/4", {}, "only=0/4 is no share"),
        ("5/4", {}, "only=5/4 is no share"),
        ("2", {}, "only=2 is no share"),
        ("1/2", {"cluster": "ray"}, "only=1/2 and cluster=ray exclude each other"),
        ("1/2", {"budget_minutes": 5.0}, "only=1/2 and budget_minutes=5.0 exclude each other"),
    ],
)
def test_what_is_no_share_is_refused(text, beside, message):
    with pytest.raises(ConfigError, match=message):
        read_only(text, **{"budget_minutes": None, "cluster": None, **beside})
