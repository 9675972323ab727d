"""What a plan says is known: of the paper, and of the project's own results."""

import json
from pathlib import Path
from statistics import mean

import pytest

from cotrain.planning.evidence import MEASURED_HERE, finding_of

RESULTS = Path(__file__).parents[2] / "benchmarks/results"


def read(name: str):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_the_papers_result_is_published():
    found = finding_of("divided", "wide_resnet28_10", 4, 32)
    assert found.evidence == "published"
    assert "CIFAR-100: 14.26 % error against 15.50 % of the large network" in found.text
    assert "CIFAR-10: 2.01 % error against 2.28 %" in found.text
    large = finding_of("large", "wide_resnet28_10", 1, 32)
    assert large.text.startswith("CIFAR-100: 15.50 % error; CIFAR-10: 2.28 % error")


@pytest.mark.parametrize(
    ("kind", "network", "into", "image_size"),
    [
        ("divided", "wide_resnet28_10", 4, 224),  # at another size
        ("divided", "wide_resnet28_10", 3, 32),  # into another S
        ("taught", "wide_resnet28_10", 4, 32),  # in another way
        ("inherited", "timm:resnet18", 2, 224),
    ],
)
def test_what_was_not_looked_at_has_no_evidence(kind, network, into, image_size):
    assert finding_of(kind, network, into, image_size).evidence == "no evidence"


@pytest.mark.parametrize("into", [2, 4])
def test_dividing_was_measured_here(into):
    rows = {name: {r["into"]: r for r in read(name)["candidates"][:3]} for name in RUNS}
    digits, cifar = (rows[name] for name in RUNS)
    told = finding_of("divided", "basic_resnet", into, 8)
    assert told.evidence == "measured here"
    for row, large in ((digits, digits[1]), (cifar, cifar[1])):
        assert f"{row[into]['error']['mean']:.2f} %" in told.text
        assert f"{large['error']['mean']:.2f} %" in told.text


RUNS = ("digits_accuracy", "cifar10-small")


@pytest.mark.parametrize(("kind", "row"), [("divided", "fresh"), ("heirs", "inherited")])
def test_dividing_a_pretrained_network_was_measured_here(kind, row):
    told = finding_of(kind, "timm:tf_efficientnet_lite2", 2, 260)
    assert told.evidence == "measured here"
    for name, images in (("pretrained-100", "100"), ("pretrained", "20")):
        rows = read(name)["results"][images]
        for each in (f"lite2 into 2, {row}", "lite2"):
            assert f"{rows[each]['error']['mean']:.1f} %" in told.text
    other = finding_of("heirs", "timm:resnet18", 2, 224)
    assert other.evidence == "no evidence"
    whole, heirs = (rows[name]["error"]["mean"] for name in ("lite2", "lite2 into 2, inherited"))
    assert f"{heirs:.0f} % error against {whole:.0f} %" in other.text


@pytest.mark.parametrize("into", [2, 4])
def test_inheriting_was_measured_here(into):
    runs = [each for each in read("inherit")["runs"] if each["epochs"] == 5]

    def top1(arm: str, size: int) -> str:
        found = [r["after"]["top1"] for r in runs if (r["arm"], r["into"]) == (arm, size)]
        return f"{100 * mean(found):.1f} %"

    told = MEASURED_HERE["inherited", "basic_resnet", into]
    expected = [top1("inherited", into), top1("fresh", into), top1("large, trained on", 1)]
    assert all(each in told for each in expected), (told, expected)


def test_a_teacher_was_measured_here():
    rows = read("distill")["results"]
    told = MEASURED_HERE["taught", "basic_resnet", 4]
    for name in ("S=4 taught by S=1", "S=4", "S=1"):
        assert f"{rows[name]['error']['mean']:.2f} %" in told
