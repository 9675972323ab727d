"""The verdict claims what the corrected tests show, and says what they do not show."""

from dataclasses import replace

import pytest
from comparisons import contrast, difference, quality, result

from cotrain.comparison.accuracy.candidate_result import Staged
from cotrain.comparison.accuracy.in_words import (
    Setting,
    averaging_in_words,
    probability,
    verdict_in_words,
)
from cotrain.comparison.accuracy.power import Power
from cotrain.comparison.accuracy.statistics import Spread
from cotrain.ensemble.cost import Cost

SETTING = Setting(seeds=3, images=1597, calibrated_on=0, device="cpu")
ONE_SEED = replace(SETTING, seeds=1)
LARGE = result("S=1", 1, 3.0)
BETTER, WORSE = difference(-0.6, 0.01, compared=2), difference(0.7, 0.0001, compared=2)
UNCLEAR, OF_ONE_SEED = difference(-0.4, 0.3), difference(-0.4, 0.001, seeds=1)


def divided(name, error, found, **changes):
    return result(name, int(name[2]), error, to_large=contrast("S=1", found), **changes)


def test_a_clear_win_says_by_how_much_at_what_cost():
    said = verdict_in_words([LARGE, divided("S=4", 2.4, BETTER)], SETTING)
    assert said == (
        "S=4 is better than the large network on these data, at equal cost: it has an error of "
        "2.40 % against 3.00 % of the large network, -0.60 points (95 % interval for other seeds "
        "and images: -1.60 to +0.40; p = 0.01 corrected for 2 candidates).",
        "Its probabilities, not calibrated, for want of images to do it on: NLL 0.0625 against "
        "0.0625 (clearly better), ECE 0.0312 against 0.0312 (clearly better).",
        "Running it takes 1.00 times the params, 1.00 times the MACs and, its networks one after "
        "the other on the CPU, 1 times the time for one image and 1 times the time for a batch of "
        "64.",
    )


@pytest.mark.parametrize(
    ("ratios", "equal", "words"),
    [
        ((1.04, 0.96), True, "at equal cost"),
        ((1.13, 1.14), True, "at about equal cost (1.13 times the params, 1.14 times the MACs)"),
        ((0.89, 1.0), True, "at about equal cost (0.89 times the params, 1.00 times the MACs)"),
        ((1.0, 1.3), False, "at 1.30 times the MACs"),
    ],
)
def test_what_it_costs_is_said_as_it_is(ratios, equal, words):
    cost = Cost(params=1, macs=1, params_ratio=ratios[0], macs_ratio=ratios[1], equal=equal)
    one = replace(divided("S=4", 2.4, BETTER), cost=cost)
    headline = verdict_in_words([LARGE, one], SETTING)[0]
    assert headline.startswith(
        f"S=4 is better than the large network on these data, {words}: it has an error of 2.40 %"
    )


def test_a_clear_loss_is_said():
    said = verdict_in_words([LARGE, divided("S=4", 3.7, WORSE)], SETTING)
    assert said[0] == (
        "Dividing does not help here: S=4 is worse at equal cost, with an error of 3.70 % against "
        "3.00 % of the large network, +0.70 points (95 % interval for other seeds and images: "
        "-0.30 to +1.70; p < 0.001 corrected for 2 candidates)."
    )
    assert not any("better" in sentence for sentence in said)


def test_nothing_shown_says_what_would_show_it():
    said = verdict_in_words([LARGE, divided("S=4", 2.6, UNCLEAR)], SETTING)
    assert said[0].startswith(
        "Nothing is shown to be better than the large network: S=4 has, at equal cost, an error of"
    )
    assert said[-1] == (
        "Not shown: whether dividing is better (3 seeds and 1,597 images show 0.92 points "
        "reliably; 0.40, as seen, would take about 7 seeds or about 3,500 images)."
    )


@pytest.mark.parametrize(
    ("power", "end"),
    [
        (Power(detectable=0.92, seeds=None, images=None), "take more seeds and more images)."),
        (Power(detectable=0.92, seeds=12, images=None), "take about 12 seeds)."),
        (Power(detectable=591.0, seeds=None, images=90), "take about 90 images)."),
    ],
)
def test_what_would_show_it_may_be_one_thing_or_both(power, end):
    large = contrast("S=1", UNCLEAR, power=power)
    said = verdict_in_words([LARGE, result("S=4", 4, 2.6, to_large=large)], SETTING)
    assert said[-1].endswith(end)
    assert ("no difference at all" in said[-1]) == (power.detectable > 100)


def test_equal_errors_need_nothing_to_be_shown():
    equal = contrast(
        "S=1", difference(0.0, 1.0), power=Power(detectable=0, seeds=None, images=None)
    )
    said = verdict_in_words([LARGE, result("S=4", 4, 3.0, to_large=equal)], SETTING)
    assert said[-1] == "Not shown: whether dividing is better (the errors are equal)."


def test_one_seed_never_says_better():
    one = [LARGE, divided("S=4", 2.6, OF_ONE_SEED)]
    said = verdict_in_words(one, ONE_SEED)
    assert said[0] == (
        "One seed does not show what is better: S=4 has, at equal cost, an error of 2.60 % against "
        "3.00 % of the large network, -0.40 points (95 % interval for other images, not other "
        "seeds: -1.40 to +0.60; p = 0.001)."
    )
    assert "NLL 0.0625 against 0.0625 (lower with this seed)" in said[1]
    assert said[-1] == (
        "Not shown: whether dividing is better (3 seeds or more would say how much seeds differ)."
    )


def test_without_the_large_network_nothing_is_said_of_it():
    said = verdict_in_words([result("S=2", 2, 2.8), result("S=4", 4, 2.6)], SETTING)
    assert said == (
        "The large network was not trained (there is no 1 in --into), so that nothing is said of "
        "better or worse than it; the lowest error has S=4, 2.60 %.",
    )


def test_the_large_network_alone_is_not_compared():
    assert verdict_in_words([LARGE], SETTING) == (
        "Only the large network was trained; its error is 3.00 %.",
        "Nothing is compared: give --into an S above 1.",
    )


def test_others_that_are_clear_are_named():
    results = [
        LARGE,
        divided("S=2", 2.4, BETTER),
        divided("S=4", 2.5, BETTER),
        divided("S=8", 3.7, WORSE),
    ]
    assert verdict_in_words(results, SETTING)[0].endswith(
        "Better than it, too: S=4. Worse than it: S=8."
    )
    unclear = [LARGE, divided("S=2", 2.4, UNCLEAR), divided("S=8", 3.7, WORSE)]
    said = verdict_in_words(unclear, SETTING)[0]
    assert said.startswith(
        "Nothing is shown to be better than the large network: the best of 2, S=2"
    )
    assert said.endswith("Worse than it: S=8.")


def test_what_costs_more_is_said_to():
    dear = Cost(params=1, macs=1, params_ratio=2.0, macs_ratio=3.0, equal=False)
    said = verdict_in_words([LARGE, replace(divided("S=4", 2.4, BETTER), cost=dear)], SETTING)
    assert "on these data, at 3.00 times the MACs: it has" in said[0]
    assert said[2].startswith("Running it takes 2.00 times the params, 3.00 times the MACs and")


def test_what_a_cascade_saves_is_said():
    cascade = Staged(error=Spread(mean=2.45, std=0.1), macs=Spread(mean=40, std=1))
    said = verdict_in_words([LARGE, divided("S=4", 2.4, BETTER, cascade=cascade)], SETTING)
    assert said[2].endswith("; a cascade takes 0.40 times the MACs, with an error of 2.45 %.")


def test_calibrated_answers_are_what_is_compared():
    found = contrast("S=1", BETTER, nll=difference(-0.1, 0.2), calibrated=True)
    four = result("S=4", 4, 9.0, to_large=found, calibrated=quality(2.4))
    said = verdict_in_words([LARGE, four], replace(SETTING, calibrated_on=200))
    assert "an error of 2.40 % against 3.00 %" in said[0]
    assert said[1].startswith("Its probabilities, calibrated on 200 other images: NLL 0.0625")
    assert "(no clear difference), ECE" in said[1]


@pytest.mark.parametrize(
    ("found", "start"),
    [
        (BETTER, "Co-training helps here: S=4 has an error of 2.40 % against 2.50 % of S=4 ind"),
        (WORSE, "Co-training costs accuracy here: S=4 has"),
        (UNCLEAR, "Co-training is not shown to help: S=4 has"),
        (OF_ONE_SEED, "One seed does not show whether co-training helps: S=4 has"),
    ],
)
def test_co_training_is_compared_with_independent_networks(found, start):
    effect = contrast("S=4 independent", found)
    results = [
        LARGE,
        divided("S=4", 2.4, BETTER, to_independent=effect),
        divided("S=4 independent", 2.5, BETTER, weight=0.0),
    ]
    said = verdict_in_words(results, SETTING)
    assert said[3].startswith(start)
    open_ = [sentence for sentence in said if "whether co-training helps (" in sentence]
    assert len(open_) == (found in (UNCLEAR, OF_ONE_SEED))
    assert len(said) <= 5


def swept(low, high):
    """Weights 0.1 and 2 beside 0.5 and 0, with these effects."""

    def of(name, error, weight, found):
        effect = None if found is None else contrast("S=4 independent", found)
        return divided(name, error, BETTER, weight=weight, to_independent=effect)

    return [
        LARGE,
        of("S=4", 2.4, 0.5, UNCLEAR),
        of("S=4 independent, weight 0", 2.5, 0.0, None),
        of("S=4 weight 0.1", 2.3, 0.1, low),
        of("S=4 weight 2", 3.9, 2.0, high),
    ]


def test_a_sweep_says_which_weights_help_and_warns():
    results = swept(BETTER, WORSE)
    results[2] = replace(results[2], name="S=4 independent")
    said = verdict_in_words(results, SETTING)
    assert said[3] == (
        "Of the weights 0, 0.1, 0.5 and 2 of the co-training loss 0.1 has the lowest error, 2.30 % "
        "against 2.50 % at 0; clearly better than 0 is 0.1, clearly worse than 0 is 2. Forcing "
        "networks to agree can cost, and forcing them to differ helps small ones only "
        "(arXiv:2302.00704)."
    )


@pytest.mark.parametrize(("low", "is_open"), [(BETTER, False), (UNCLEAR, True), (WORSE, True)])
def test_a_weight_that_helps_leaves_open_no_more_whether_co_training_does(low, is_open):
    results = swept(low, WORSE)
    results[2] = replace(results[2], name="S=4 independent")
    said = verdict_in_words(results, SETTING)
    assert ("whether co-training helps" in said[-1]) == is_open


@pytest.mark.parametrize(("two", "four"), [(UNCLEAR, BETTER), (BETTER, UNCLEAR)])
def test_of_several_sizes_what_is_said_and_what_is_open_are_of_the_largest(two, four):
    found = {"S=2": two, "S=4": four}
    results = [LARGE]
    for name, effect in found.items():
        compared = contrast(f"{name} independent", effect)
        results.append(divided(name, 2.4, BETTER, to_independent=compared))
    results += [divided(f"{name} independent", 2.5, BETTER, weight=0.0) for name in found]
    said = verdict_in_words(results, SETTING)
    helps = four is BETTER
    start = "Co-training helps here: S=4" if helps else "Co-training is not shown to help: S=4"
    assert said[3].startswith(start)
    assert any("whether co-training helps" in each for each in said[4:]) != helps


def test_a_sweep_without_effects_claims_none():
    results = swept(UNCLEAR, UNCLEAR)
    results[2] = replace(results[2], name="S=4 independent")
    said = verdict_in_words(results, SETTING)[3]
    assert "none is clearly better or worse than 0. Forcing" in said


@pytest.mark.parametrize(
    ("differ", "error", "end"),
    [
        (3.3, 2.2, "1.20 times as often as one is wrong, which predicts that averaging pays "
         "(arXiv:2305.12313); it takes 20 % off the error of one network."),
        (1.375, 3.025, "0.50 times as often as one is wrong, which predicts that averaging pays "
         "little (arXiv:2305.12313); it adds 10 % to the error of one network."),
    ],
)  # fmt: skip
def test_disagreement_predicts_what_averaging_gives(differ, error, end):
    two = result("S=2", 2, error)
    assert two.disagreement is not None
    two = replace(two, disagreement=replace(two.disagreement, mean=differ))
    assert averaging_in_words(two) == f"S=2: two networks differ {end}"


def test_without_an_error_averaging_has_no_task():
    two = result("S=2", 2, 0.0)
    two = replace(two, single_error=replace(two.single_error, mean=0.0))
    assert averaging_in_words(two).startswith("S=2: no network is wrong on any image")


@pytest.mark.parametrize(
    ("p", "text"), [(0.0004, "< 0.001"), (0.0123, "= 0.012"), (0.3456, "= 0.35"), (1.0, "= 1.00")]
)
def test_probabilities_have_two_digits(p, text):
    assert probability(p) == text
