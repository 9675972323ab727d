"""The rules of arXiv:2011.14660, Table I, their refusals, and what is divided beside widths."""

import math
import re
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from of_networks import widths_of

from cotrain import ConfigError
from cotrain.config import DivideOptions
from cotrain.dividing import divide_spec
from cotrain.dividing.regularization import divide_probabilities, divide_weight_decay
from cotrain.networks import spec


def widths(name: str, into: int) -> tuple[int, ...]:
    divided = divide_spec(spec(name), into)
    return widths_of(divided)


@pytest.mark.parametrize(
    ("factor", "divided"),
    [(10, (7, 5, 3)), (8, (6, 4, 3)), (12, (8, 6, 4))],
)
@pytest.mark.parametrize("depth", [16, 28, 40])
def test_wide_resnet_divides_its_factor_and_keeps_its_stem(depth, factor, divided):
    for into, k in zip((2, 4, 8), divided, strict=True):
        assert widths(f"wide_resnet{depth}_{factor}", into) == (16, 16 * k, 32 * k, 64 * k)


@pytest.mark.parametrize(("into", "stem"), [(1, 16), (2, 12), (4, 8), (8, 6), (16, 4)])
@pytest.mark.parametrize("name", ["resnet110", "resnet164"])
def test_resnet_divides_its_stem_by_the_table(name, into, stem):
    assert widths(name, into) == (stem, 4 * stem, 8 * stem, 16 * stem)


@pytest.mark.parametrize("groups", [8, 16])
@pytest.mark.parametrize("into", [2, 4, 8])
def test_resnext_divides_its_groups_and_keeps_its_widths(groups, into):
    large = spec(f"resnext29_{groups}x64d")
    assert divide_spec(large, into) == replace(large, groups=groups // into)
    assert widths(large.arch, into) == (64, 256, 512, 1024)


@pytest.mark.parametrize(("into", "width"), [(1, 32), (2, 23), (4, 16), (8, 11)])
def test_basic_resnet_divides_every_width(into, width):
    assert widths("basic_resnet", into) == (width, width, 2 * width, 4 * width)


NAMES = st.one_of(
    st.builds("wide_resnet{}_{}".format, st.sampled_from([10, 16, 28]), st.integers(1, 16)),
    st.builds("resnet{}".format, st.sampled_from([11, 110, 164])),
    st.builds("resnext29_{}x{}d".format, st.integers(1, 32), st.integers(1, 64)),
    st.builds("basic_resnet8_{}".format, st.integers(1, 64)),
)


@given(name=NAMES)
def test_into_1_is_the_identity(name):
    large = spec(name)
    assert divide_spec(large, 1) is large


@given(
    name=NAMES,
    into=st.integers(2, 20),
    classes=st.integers(2, 1000),
    channels=st.sampled_from([1, 3]),
    size=st.integers(8, 300),
)
def test_dividing_keeps_depth_classes_and_images_and_never_widens(
    name, into, classes, channels, size
):
    large: Any = spec(name, num_classes=classes, in_channels=channels, image_size=size)
    try:
        small: Any = divide_spec(large, into)
    except ConfigError:
        assume(False)
    kept = {"arch", "num_classes", "in_channels", "image_size", "block", "blocks", "base_width"}
    assert kept < {each.name for each in fields(large)}
    assert {n: getattr(small, n) for n in kept} == {n: getattr(large, n) for n in kept}
    before, after = widths_of(large), widths_of(small)
    assert all(a <= b for a, b in zip(after, before, strict=True))
    assert small.groups <= large.groups


@pytest.mark.parametrize("into", [0, -1, True, 2.0, "2", None])
def test_into_is_a_whole_number_of_at_least_1(into):
    with pytest.raises(ConfigError, match=rf"^into={into!r} is not a whole number of at least 1"):
        divide_spec(spec("wide_resnet28_10"), into)


@pytest.mark.parametrize(
    ("name", "into", "nearest"),
    [
        ("resnext29_8x64d", 3, 4),
        ("resnext29_8x64d", 5, 4),
        ("resnext29_8x64d", 16, 8),
        ("resnext29_7x4d", 2, 1),
        ("wide_resnet10_2", 64, 11),
        ("wide_resnet28_1", 1000, 2),
        ("resnet110", 3, 4),
        ("resnet110", 1000, 16),
        ("basic_resnet8_2", 100, 15),
    ],
)
def test_refusal_names_the_nearest_s_and_that_works(name, into, nearest):
    large = spec(name)
    with pytest.raises(ConfigError, match=rf"^into={into}: {name} cannot be divided") as caught:
        divide_spec(large, into)
    (named,) = map(int, re.findall(r"the nearest that works is into=(\d+)$", str(caught.value)))
    assert named == nearest
    assert divide_spec(large, named).arch == name


@given(name=NAMES, into=st.integers(2, 100))
def test_no_s_is_nearer_than_the_one_named(name, into):
    large = spec(name)
    works = {s for s in range(1, 2 * into + 17) if possible(large, s)}
    if into in works:
        return
    with pytest.raises(ConfigError) as caught:
        divide_spec(large, into)
    named = int(str(caught.value).rpartition("=")[2])
    assert named in works
    assert abs(math.log(named / into)) == min(abs(math.log(s / into)) for s in works)


def possible(large, into: int) -> bool:
    try:
        return bool(divide_spec(large, into))
    except ConfigError:
        return False


def test_dropout_before_the_classifier_is_divided_by_s():
    large = spec("wide_resnet40_10")
    divided: list[Any] = [divide_spec(large, into) for into in (1, 2, 4, 8)]
    assert [each.dropout for each in divided] == pytest.approx([0.1, 0.05, 0.025, 0.0125])
    without: Any = divide_spec(spec("wide_resnet28_10"), 4)
    assert without.dropout == 0


@given(p=st.floats(0, 1), into=st.integers(1, 64), exponent=st.sampled_from([0.5, 1.0]))
def test_probabilities_are_divided_by_a_power_of_s(p, into, exponent):
    large = replace(spec("basic_resnet"), dropout=p)
    divided = divide_probabilities(large, {"dropout": exponent}, into)
    assert divided.dropout == pytest.approx(p / into**exponent)
    assert replace(divided, dropout=p) == large


@pytest.mark.parametrize(
    ("into", "factor"), [(1, 1.0), (2, 0.6065306597), (4, 0.4723665527), (8, 0.4168620197)]
)
def test_weight_decay_follows_equation_6(into, factor):
    assert divide_weight_decay(5e-4, into) == pytest.approx(5e-4 * factor, rel=1e-9)
    assert divide_weight_decay(0.0, into) == 0


@pytest.mark.parametrize("options", [{"tolerance": 0.1}, {"budget": "macs"}, {"widths": {16: 8}}])
def test_what_a_published_rule_would_ignore_is_refused(options: dict[str, Any]) -> None:
    large = spec("wide_resnet16_4")
    (name,) = options
    with pytest.raises(ConfigError, match=rf"dividing\.{name}=.* by its published rule: leave it"):
        divide_spec(large, 2, DivideOptions(**options))
    assert divide_spec(large, 1, DivideOptions(**options)) == large
    assert divide_spec(large, 2, DivideOptions(check="full")).arch == divide_spec(large, 2).arch
