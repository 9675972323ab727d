"""A short list of checkpoints in the place of timm's.

Of resnet18's params and MACs have resnet10t 0.44 and 0.60, regnetx_006 0.51 and 0.33, regnety_006
0.49 and 0.33, mobilenetv3_small_100 0.14 and 0.03.
"""

from cotrain.planning.checkpoints import Checkpoint


def listed(
    name: str, top1: float, params: float, gmacs: float, image_size: int = 224
) -> Checkpoint:
    return Checkpoint(
        name=name, image_size=image_size, top1=top1, listed_params=params, listed_gmacs=gmacs
    )


LISTED = (
    listed("regnetx_006.other_in1k", 76.0, 6.2, 0.61, image_size=288),
    listed("resnet18.big_in21k_ft_in1k", 75.0, 11.69, 1.82),
    listed("unknown_to_this_timm.fifth_in1k", 74.0, 5.5, 1.0),
    listed("resnet10t.first_in1k", 73.0, 5.44, 1.1),
    listed("resnet10t.c3_in1k", 72.0, 5.44, 1.1),
    listed("regnetx_006.first_in1k", 71.0, 6.2, 0.61),
    listed("regnety_006.third_ft_in1k", 70.0, 6.06, 0.61),
    listed("mobilenetv3_small_100.fourth_in1k", 69.0, 2.54, 0.06),
)
