"""Commands that fine-tune whole networks heed what these have."""

from typing import Any

from cotrain.networks import spec_for_images
from cotrain.planning.alternative import measured
from cotrain.planning.commands import Commands

IMAGES: Any = {"num_classes": 2, "in_channels": 3, "image_size": 224}


def command(*names: str) -> str:
    networks = [measured(f"{name}.x_in1k", spec_for_images(name, **IMAGES)) for name in names]
    large = Commands(network=names[0], spec=networks[0].spec, by="params", tolerance=0.1)
    return large.pretrained(networks, "some")


def test_what_a_recipe_says_of_heads_is_left_out_where_it_does_not_suit():
    views = " --fine_tuning.cached_views 0"
    usual = command("timm:resnet10t")
    assert usual.startswith("cotrain train --config finetune --data.root PHOTOS")
    assert "--network timm:resnet10t.x_in1k --into 1 --pretrained true --output runs/some" in usual
    assert views not in command("timm:vit_tiny_patch16_224")
    assert views in command("timm:deit_tiny_distilled_patch16_224")
