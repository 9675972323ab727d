"""How long the runs of a pilot take, and what the big run would."""

import pytest

from cotrain.planning.pilot.tried import seconds_together


def test_runs_take_turns():
    assert seconds_together([10, 20], seeds=3, jobs=1) == 90
    # 10, 20, 10, 20, 10, 20 on two: one ends at 40, the other at 50.
    assert seconds_together([10, 20], seeds=3, jobs=2) == pytest.approx(50)


def test_what_is_not_known_is_not_guessed():
    assert seconds_together([10, None], seeds=3, jobs=1) is None
