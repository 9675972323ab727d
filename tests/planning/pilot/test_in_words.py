"""A pilot in plain sentences."""

from comparisons import POWER, difference

from cotrain.comparison.accuracy.power import Power
from cotrain.planning.pilot.in_words import Extent, pilot_in_words
from cotrain.planning.pilot.leading import Lead

EXTENT = Extent(epochs=20, of_epochs=60, seeds=3, images=600)


def lead(
    adjusted: float, *, seeds: int = 3, power: Power | None = POWER, behind: float = 0.001
) -> Lead:
    gaps = {
        "S=2": difference(0.8, adjusted, seeds=seeds, compared=3),
        "S=1": difference(1.5, behind, seeds=seeds, compared=3),
    }
    return Lead(leader="S=4", rival="S=2", behind=gaps, power=power)


def test_a_clear_lead():
    said = pilot_in_words(lead(0.02), EXTENT)
    assert said == (
        "S=4 is ahead of S=2 by 0.80 points of error (95 % interval for other seeds and images: "
        "-0.20 to +1.80; p = 0.02 corrected for 3 pairs), after 20 of 60 epochs, on 600 held-out "
        "images, 3 seeds.",
        "Clearly behind S=4: S=1 (by 1.50 points).",
        "S=4 wins the big run if the order stays as it is in the other 40 epochs, which were not "
        "trained: networks that learn more slowly may catch up. Its lead is lost if S=2 gains 0.80 "
        "points more in them.",
    )


def test_a_lead_that_may_be_chance_says_what_would_show_it():
    said = pilot_in_words(lead(0.2, behind=0.3), EXTENT)
    assert said[0].startswith("Cannot tell which is ahead: S=4 leads S=2 by 0.80 points")
    assert said[0].endswith(
        "; about 7 seeds or about 3,500 held-out images would show a lead of that size."
    )
    assert said[1:] == (
        "The other 40 epochs were not trained; leads may shrink or turn in them, as networks that "
        "learn more slowly catch up.",
    )


def test_one_seed_cannot_tell():
    extent = Extent(epochs=60, of_epochs=60, seeds=1, images=600)
    (said,) = pilot_in_words(lead(0.001, seeds=1, power=None), extent)
    assert said.startswith("One seed cannot tell which is ahead: S=4 leads S=2 by 0.80 points")
    assert "other images, not other seeds" in said
    assert said.endswith("600 held-out images, 1 seed; give 3 seeds or more.")


def test_equal_errors_are_said():
    gaps = {"S=2": difference(0.0, 1.0)}
    found = Lead(leader="S=1", rival="S=2", behind=gaps, power=POWER)
    assert pilot_in_words(found, EXTENT)[0].endswith("3 seeds; their errors are equal.")
