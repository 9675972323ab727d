"""Processes that were told, or have read, something else than the first: all end, all say it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch.distributed as dist
from training_runs import TINY, tiny

from cotrain.basics.errors import ConfigError
from cotrain.data import Splits, load_splits
from cotrain.training.agreement import Agreement


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load_splits(TINY.data)


def agree(monkeypatch: pytest.MonkeyPatch, *processes: Agreement) -> int:
    """Have the processes compare what they have, as the last of them; how many took part."""
    asked = []

    def gather(found: list, own: dict) -> None:
        assert own is processes[-1]._own
        found[:] = [each._own for each in processes]
        asked.extend(found)

    monkeypatch.setattr(dist, "all_gather_object", gather)
    trainer = SimpleNamespace(world_size=len(processes))
    processes[-1].setup(trainer, None, "fit")  # type: ignore[arg-type]
    return len(asked)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"seed": 1}, "process 1 has seed=1, and process 0 0: start every process with the same"),
        ({"optimizer": {"lr": 0.2}}, r"optimizer\.lr=0\.2, and process 0 0\.1: "),
        ({"checkpoint_steps": 7}, "checkpoint_steps=7, and process 0 500: "),
        ({"hardware": {"network_parallel": 2}}, r"hardware\.network_parallel=2, and process 0 1: "),
    ],
)
def test_another_setting_ends_all(monkeypatch, splits, changed, told):
    first, other = (Agreement(each, splits, None) for each in (TINY, tiny(**changed)))
    for processes in ((first, other), (first, other, first)):
        with pytest.raises(ConfigError, match=told):
            agree(monkeypatch, *processes)


def test_other_images_another_state_and_another_version_end_all(monkeypatch, splits):
    first = Agreement(TINY, splits, {"global_step": 8})
    others = load_splits(replace(TINY.data, split_seed=1))
    with pytest.raises(ConfigError, match="process 1 has other images than process 0, or holds"):
        agree(monkeypatch, first, Agreement(TINY, others, {"global_step": 8}))
    with pytest.raises(ConfigError, match="process 1 has step=0, and process 0 8: give a folder"):
        agree(monkeypatch, first, Agreement(TINY, splits, None))
    monkeypatch.setattr("cotrain.training.agreement.__version__", "0.0.9")
    earlier = Agreement(TINY, splits, {"global_step": 8})
    with pytest.raises(ConfigError, match=r'process 1 has cotrain="0.0.9", and .*same version'):
        agree(monkeypatch, first, earlier)


def test_what_is_a_machines_own_may_differ(monkeypatch, splits):
    elsewhere = tiny(data={"root": "/other", "workers": 2}, hardware={"threads": 3, "timeout": 9})
    first, other = (Agreement(each, splits, None) for each in (TINY, elsewhere))
    assert agree(monkeypatch, first, other) == 2
    assert agree(monkeypatch, first) == 0  # one alone asks nobody
