"""Who is on the Pareto front, by its definition."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pictures import check_apart

from cotrain.report.page.tradeoff import Offer, pareto_front, tradeoff_picture

POINT = st.tuples(st.integers(0, 6), st.integers(0, 6))


@given(st.lists(POINT, min_size=1, max_size=12))
def test_nobody_on_the_front_is_beaten_and_all_others_are(points):
    def beaten(point):
        return any(x <= point[0] and y <= point[1] and (x, y) != point for x, y in points)

    front = pareto_front(points)
    assert sorted(front) == [i for i, point in enumerate(points) if not beaten(point)]


def test_the_front_is_filled_and_told():
    offers = [
        Offer(name="S=1", cost=1.0, error=5.0, std=0.5),
        Offer(name="S=2", cost=2.0, error=4.0),
        Offer(name="S=4", cost=3.0, error=4.5),
    ]
    picture = tradeoff_picture("error-macs", "GMACs", offers)
    assert "in both: S=1, S=2. " in picture.alt
    assert "S=4: error 4.50 %, 3 GMACs." in picture.alt
    drawn: list[Any] = picture.figure.axes[0].containers
    points = [each.lines[0] for each in drawn]
    assert [line.get_markerfacecolor() == "none" for line in points] == [False, False, True]
    assert [spot[1:3] for spot in picture.spots] == [(1, 5), (2, 4), (3, 4.5)]
    check_apart(picture.figure)
