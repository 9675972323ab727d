"""timm's results, as the package holds them."""

import timm

from cotrain.planning.checkpoints import Checkpoint, published_checkpoints

ROWS = published_checkpoints()


def named(name: str, image_size: int) -> Checkpoint:
    (found,) = [each for each in ROWS if (each.name, each.image_size) == (name, image_size)]
    return found


def test_the_list_is_whole_and_the_most_accurate_stand_first():
    assert len(ROWS) == 1556
    assert [each.top1 for each in ROWS] == sorted((each.top1 for each in ROWS), reverse=True)
    assert (ROWS[0].name, ROWS[0].top1, ROWS[0].listed_params) == (
        "eva02_large_patch14_448.mim_m38m_ft_in22k_in1k",
        90.056,
        305.08,
    )


def test_a_checkpoint_stands_once_for_every_size():
    small = named("convnext_small.in12k_ft_in1k", 224)
    assert (small.top1, small.listed_params, small.listed_gmacs) == (85.164, 50.22, 8.71)
    assert named("convnext_small.in12k_ft_in1k", 288).top1 == 85.324
    assert len({(each.name, each.image_size) for each in ROWS}) == len(ROWS)


def test_timm_knows_every_network():
    known = {f"timm:{name}" for name in timm.list_models()}
    assert {each.network for each in ROWS} <= known


def test_upstream_leaves_out_what_it_was_fine_tuned_on():
    names = ("convnext_small.in12k_ft_in1k", "convnext_small.fb_in1k")
    assert [named(each, 224).upstream for each in names] == ["in12k", "fb_in1k"]
    assert named("convnext_tiny.fb_in22k_ft_in1k_384", 384).upstream == "fb_in22k"
    assert named("mobilenetv3_large_100.miil_in21k_ft_in1k", 224).upstream == "miil_in21k"
