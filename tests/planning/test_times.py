"""The time to answer of what could replace a network."""

from cotrain.planning.shortlist import shortlist
from cotrain.planning.times import with_times


def test_networks_answer_one_after_the_other():
    found = shortlist("basic_resnet8_8", into=(2,), num_classes=2, image_size=8, tolerance=0.2)
    assert (found.device, found.machine) == (None, None)
    timed = with_times(found)
    kept, fresh, taught, inherited = (each.ms for each in timed.alternatives)
    assert kept is not None
    assert 0 < kept < 1000
    assert fresh == taught == inherited
    assert timed.device == "cpu"
    assert timed.to_dict()["machine"]["cpu"]
    assert found.to_dict()["alternatives"][1]["ms"] is None
