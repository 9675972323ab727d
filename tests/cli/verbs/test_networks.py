"""``cotrain networks``: names by a part of them, or by a pattern."""

import json

import pytest

from cotrain.cli import main
from cotrain.networks import list_networks


def listed(capsys, *words: str) -> list[str]:
    main(["networks", *words])
    return capsys.readouterr().out.splitlines()


def test_all_are_listed_ours_first(capsys):
    names = listed(capsys)
    assert names[: len(list_networks())] == list_networks()
    assert {"timm:resnet50", "torchvision:resnet50"} <= set(names)
    assert len(names) == len(set(names))


def test_a_part_of_a_name_and_patterns(capsys):
    assert "timm:convnext_tiny" in listed(capsys, "convnext_tiny")
    assert listed(capsys, "timm:resnet1?") == ["timm:resnet18"]
    both = listed(capsys, "timm:resnet1?", "wide_resnet28_10")
    assert both == ["wide_resnet28_10", "timm:resnet18"]
    main(["networks", "torchvision:resnet1*", "--json"])
    assert json.loads(capsys.readouterr().out) == [
        "torchvision:resnet101",
        "torchvision:resnet152",
        "torchvision:resnet18",
    ]


def test_nothing_of_that_name(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["networks", "blah"])
    assert ended.value.code == 2
    assert "no network is called blah" in capsys.readouterr().err
