"""Who takes which batches: the same step and epoch for every number of processes that can."""

import pytest
from training_runs import tiny

from cotrain.basics.errors import ConfigError
from cotrain.training.sharing import Sharing, sharing_of

TWO_BATCHES = tiny(batch_size=4, optimizer={"accumulate": 2})


def test_a_step_and_an_epoch_keep_their_batches() -> None:
    # 4 processes took 20 of 23 batches, 8 in a step: two of those and one of the 4 left.
    for now, accumulate in ((4, 2), (2, 4), (1, 8)):
        sharing = Sharing(whole=23, begun=4, now=now, asked=2)
        sharing.check()
        assert (sharing.batches, sharing.steps, sharing.accumulate) == (20, 3, accumulate)


def test_the_numbers_of_processes_that_can_go_on_are_named() -> None:
    with pytest.raises(
        ConfigError, match=r"^8 processes .* 8 batches make a step and 20 an epoch: .* 1 or 2 or 4 "
    ):
        Sharing(whole=23, begun=4, now=8, asked=2).check()


def state(**known) -> dict:
    return {"cotrain": {"next_batch": (1, 0), "steps_per_epoch": 5, **known}}


def test_a_run_goes_on_as_it_was_begun() -> None:
    assert sharing_of(TWO_BATCHES, 43, 4, None) == Sharing(whole=10, begun=4, now=4, asked=2)
    found = sharing_of(TWO_BATCHES, 43, 1, state(processes=2))
    assert found == Sharing(whole=10, begun=2, now=1, asked=2)
    with pytest.raises(ConfigError, match=r"had 5 steps an epoch and would now have 3"):
        found.take_up(state(processes=2))


def test_earlier_versions_drew_otherwise_on_several_processes() -> None:
    assert sharing_of(TWO_BATCHES, 43, 1, state()) == Sharing(whole=10, begun=1, now=1, asked=2)
    with pytest.raises(ConfigError, match=r"^an earlier version of cotrain, in which hardware.dev"):
        sharing_of(TWO_BATCHES, 43, 2, state())
    ended = state(next_batch=(2, 0))
    assert sharing_of(TWO_BATCHES, 43, 2, ended).steps == 3  # nothing is drawn any more


def test_batches_are_counted_as_each_process_counts_them() -> None:
    def counting(batch: int, total: int) -> dict:
        counts = {
            "total": {"ready": total, "completed": total - 1},  # the batch is ending
            "current": {"ready": batch, "completed": batch - 1},
            "is_last_batch": False,
        }
        loops = {"fit_loop": {"epoch_loop.batch_progress": counts}}
        own = {"next_batch": (1, batch), "steps_per_epoch": 4, "processes": 4}
        return {"cotrain": own, "loops": loops}

    sharing = Sharing(whole=16, begun=4, now=2)
    found = counting(2, 6)
    sharing.take_up(found)
    assert found == counting(4, 12)
    sharing.add_to(found)
    assert found == counting(2, 6)
