"""Cases are drawn from their number, run in a process of their own, and judged."""

from cotrain.config import Experiment
from cotrain.config.recipes import dump_experiment
from tools import fuzz_command
from tools.fuzz_command import case, fuzz


def test_a_number_is_a_case():
    recipe = dump_experiment(Experiment())
    cases = [case(number, recipe) for number in range(50)]
    assert cases == [case(number, recipe) for number in range(50)]
    assert len({tuple(words) for words, _ in cases}) > 40
    assert all(own == recipe.encode() for words, own in cases if "own.yaml" not in words)
    assert any(own != recipe.encode() for words, own in cases if "own.yaml" in words)


def test_what_is_a_fault():
    line = "cotrain: wrong\n"
    assert fuzz_command._fault(0, False, "", ["out"]) == ""
    assert fuzz_command._fault(2, False, line, []) == ""
    assert fuzz_command._fault(2, False, line, ["out"]) == "left out"
    assert fuzz_command._fault(2, False, line * 2, []) == "not one line"
    assert fuzz_command._fault(1, False, line, []) == "exit code 1"
    assert fuzz_command._fault(-9, True, "", []) == "hang"
    trace = "Traceback (most recent call last):\n"
    assert fuzz_command._fault(1, False, trace, []) == "traceback"


def test_some_cases_hold(tmp_path):
    outcomes = fuzz(range(1000, 1008), tmp_path, limit=60)
    assert [each.fault for each in outcomes] == [""] * 8
    assert {each.exit_code for each in outcomes} <= {0, 2}
    assert all(each.said for each in outcomes if each.exit_code == 2)
