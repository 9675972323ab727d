"""``cotrain divide``: what a network costs when it is divided."""

import json as json_format
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cotrain.cli.verbs.arguments import whole_numbers
from cotrain.config import DivideOptions
from cotrain.config.options import check_network_options

if TYPE_CHECKING:
    from cotrain.networks import NetworkSpec

_DEFAULT = DivideOptions()


def divide(
    network: str,
    *,
    into: int | str = 4,
    dataset: str | None = None,
    num_classes: int | None = None,
    in_channels: int | None = None,
    image_size: int | None = None,
    network_options: dict[str, Any] | None = None,
    dividing: DivideOptions = _DEFAULT,
    weight_decay: float = 5e-4,
    json: bool = False,
) -> None:
    """Show what a network costs when it is divided, before anything is trained.

    Args:
        network: Name of the large network, such as wide_resnet28_10, or of another library,
            such as timm:convnext_tiny, torchvision:resnet50 or hf:vit.
        into: S, or several such as 1,2,4.
        dataset: Classes, size and layout: cifar10, cifar100, svhn, imagenet, or digits and
            fashion_mnist, which have that of small images; cifar100 if not given, imagenet for
            another library's network.
        num_classes: Classes; the data set's own if not given.
        in_channels: 3 for RGB, 1 for grey; the data set's own if not given.
        image_size: Pixels; the data set's own, or the network's, if not given.
        network_options: Further arguments of the network, such as {"drop_path_rate": 0.1}.
        dividing: How a network of another library is divided.
        weight_decay: Weight decay of the large network, to show it divided.
        json: Print JSON instead of tables.
    """
    from cotrain.dividing.divide_spec import check_rule_heeded
    from cotrain.dividing.division import describe_division
    from cotrain.report.division import division_notes, division_table
    from cotrain.report.style import display

    check_network_options(network_options or {})
    images = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
    large = _large(network, dataset, images, network_options or {})
    sizes = whole_numbers("into", into)
    check_rule_heeded(large, dividing)
    divisions = [
        describe_division(large, s, weight_decay=weight_decay, options=dividing) for s in sizes
    ]
    if json:
        print(json_format.dumps([asdict(division) for division in divisions], indent=2))
        return
    for division in divisions:
        display(division_table(division))
        print(*division_notes(division), sep="\n", end="\n\n")


def _large(
    network: str,
    dataset: str | None,
    images: Mapping[str, int | None],
    options: Mapping[str, Any],
) -> "NetworkSpec":
    """The spec of the large network; data sets for which none are published have its images."""
    from cotrain.config.datasets import DATASETS
    from cotrain.networks.registry import named_spec, spec_for_images

    said = {name: value for name, value in images.items() if value is not None}
    facts = DATASETS.get(dataset or "cifar100")
    if facts is None or facts.layout is not None:
        return named_spec(network, dataset=dataset, **said, **options)
    own = {
        "num_classes": facts.num_classes,
        "in_channels": len(facts.mean),
        "image_size": facts.image_size,
    }
    return spec_for_images(network, **{**own, **said}, **options)
