"""Of peers is said what they cost, and what they are to the others."""

from comparisons import contrast, difference, result

from cotrain.comparison.accuracy.in_words import Setting, verdict_in_words
from cotrain.comparison.accuracy.peers_in_words import peers_in_words

SETTING = Setting(seeds=3, images=1597, calibrated_on=0, device="cpu")
LARGE = result("S=1", 1, 3.0)
PACKED = result(
    "packed 4",
    4,
    2.6,
    ratio=1.02,
    peer="packed",
    to_large=contrast("S=1", difference(-0.4, 0.01)),
    to_ensemble=contrast("S=4", difference(0.1, 0.6)),
)
SAID = (
    "Peers, one network each: packed 4 has an error of 2.60 % at 1.02 times the MACs, -0.40 points "
    "to S=1 (clearly better), +0.10 points to S=4 (no clear difference)."
)


def test_an_error_its_cost_and_two_differences():
    assert peers_in_words([PACKED]) == SAID
    assert peers_in_words([]) == ""


def test_no_peer_is_the_best_of_those_that_are_divided():
    four = result("S=4", 4, 2.9, to_large=contrast("S=1", difference(-0.1, 0.5)))
    said = verdict_in_words([LARGE, four, PACKED], SETTING)
    assert said[0].startswith("Nothing is shown to be better than the large network: S=4 has,")
    assert SAID in said


def test_without_networks_of_our_own_the_peers_are_told():
    assert verdict_in_words([LARGE, PACKED], SETTING) == (
        "No S networks were trained beside the large one; its error is 3.00 %.",
        SAID,
    )
