"""``cotrain divide``: what a network costs when it is divided."""

import json as json_format
from dataclasses import asdict

from rich.console import Console

from cotrain.commands.arguments import whole_numbers
from cotrain.networks import spec as named_spec


def divide(
    network: str,
    *,
    into: int | str = 4,
    dataset: str = "cifar100",
    num_classes: int | None = None,
    in_channels: int = 3,
    image_size: int | None = None,
    weight_decay: float = 5e-4,
    json: bool = False,
) -> None:
    """Show what a network costs when it is divided, before anything is trained.

    Args:
        network: Name of the large network, such as wide_resnet28_10.
        into: S, or several such as 1,2,4.
        dataset: Layout and defaults: cifar10, cifar100, svhn or imagenet.
        num_classes: Classes; the data set's own if not given.
        in_channels: 3 for RGB, 1 for grey.
        image_size: Pixels; the data set's own if not given.
        weight_decay: Weight decay of the large network, to show it divided.
        json: Print JSON instead of tables.
    """
    from cotrain.division import describe_division
    from cotrain.report import division_table

    large = named_spec(
        network,
        dataset=dataset,
        num_classes=num_classes,
        in_channels=in_channels,
        image_size=image_size,
    )
    sizes = whole_numbers("into", into)
    divisions = [describe_division(large, s, weight_decay=weight_decay) for s in sizes]
    if json:
        print(json_format.dumps([asdict(division) for division in divisions], indent=2))
        return
    for division in divisions:
        Console().print(division_table(division))
