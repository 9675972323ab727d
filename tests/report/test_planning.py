"""What a plan looks like."""

import pytest
from listed_checkpoints import LISTED

from cotrain.planning import matching
from cotrain.planning.shortlist import ADVICE, shortlist
from cotrain.report.planning import shortlist_remarks, shortlist_table


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "published_checkpoints", lambda: LISTED)
        wanted = {"num_classes": 10, "tolerance": 0.25, "pretrained": True}
        return shortlist("timm:resnet18", into=(2,), **wanted)


def test_a_row_has_cost_accuracy_and_evidence(found):
    table = shortlist_table(found)
    assert [" ".join(each) for each in table.columns] == [
        *("", "params", "MACs", "top-1 %", "evidence")
    ]
    row = table.rows[6]
    assert row is not None
    name, params, macs, top1, evidence = row.cells
    assert list(name) == [
        *("7. 2 pretrained", "   resnet10t.first_in1k", "   regnety_006.third_ft_in1k")
    ]
    assert list(top1) == ["", "73.00", "70.00"]
    assert list(evidence) == ["no evidence"]
    several = found.alternatives[6]
    assert params[1] == f"x {several.params_ratio:.2f}"
    assert macs[1] == f"x {several.macs_ratio:.2f}"


def test_every_row_has_its_commands_and_remarks_end_with_the_advice(found):
    lines = list(shortlist_remarks(found))
    assert lines[-len(ADVICE) :] == list(ADVICE)
    assert all(each.commands for each in found.alternatives)
    assert {line.split()[1] for line in lines if line.startswith("   cotrain ")} == {
        "train",
        "calibrate",
    }
    assert lines.count("   as 1") == 2  # the large network is trained for both


def test_of_fresh_networks_there_is_no_published_accuracy():
    found = shortlist("basic_resnet8_8", into=(2,), num_classes=2, image_size=8, tolerance=0.2)
    columns = [" ".join(each) for each in shortlist_table(found).columns]
    assert columns == ["", "params", "MACs", "evidence"]
