"""What is known of an alternative: published, measured here, or nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cotrain.config.published import PUBLISHED, PublishedResult

Grounds = Literal["published", "measured here", "no evidence"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is known of an alternative.

    Args:
        evidence: Of what kind; of this network, not of others.
        text: What was found, and on what; or what is known of others.
    """

    evidence: Grounds
    text: str


# By kind, network and S. The numbers are those of benchmarks/results; a test compares them.
MEASURED_HERE: Mapping[tuple[str, str, int], str] = {
    ("divided", "basic_resnet", 2): (
        "digits: 2.69 % error against 3.13 % of the large network, no clear difference; "
        "CIFAR-10, 5,000 images, one seed: 30.26 % against 30.36 %"
    ),
    ("divided", "basic_resnet", 4): (
        "digits: 2.49 % error against 3.13 % of the large network, no clear difference; "
        "CIFAR-10, 5,000 images, one seed: 31.28 % against 30.36 %"
    ),
    ("inherited", "basic_resnet", 2): (
        "Fashion-MNIST, 5 epochs more: 79.8 % accuracy, 76.3 % fresh, and 80.8 % of the large "
        "network that is trained on"
    ),
    ("inherited", "basic_resnet", 4): (
        "Fashion-MNIST, 5 epochs more: 78.8 % accuracy, 75.0 % fresh, and 80.8 % of the large "
        "network that is trained on"
    ),
    ("taught", "basic_resnet", 4): (
        "digits: 3.45 % error, 3.21 % untaught, 4.24 % of the large network"
    ),
    ("divided", "timm:tf_efficientnet_lite2", 2): (
        "CIFAR-10, 20 (100) images a class: 80.4 % (72.7 %) error, 26.6 % (18.8 %) of the large "
        "network from its pretrained weights"
    ),
    ("heirs", "timm:tf_efficientnet_lite2", 2): (
        "CIFAR-10, 20 (100) images a class: 62.4 % (47.6 %) error, 26.6 % (18.8 %) of the large "
        "network whole"
    ),
}
# What is said where nothing is known of the network.
_OF_OTHERS: Mapping[str, str] = {
    "large": "what the others are to be compared with",
    "divided": "on other networks it gains where these are wide (arXiv:2011.14660)",
    "inherited": (
        "on another network it paid for few epochs only: fresh ones catch up (docs/any-network.md)"
    ),
    "taught": "on another network the teacher did not help (docs/one-network.md)",
    "heirs": (
        "narrow networks keep little of pretrained weights: on another network 62 % error against "
        "27 % of it whole (docs/pretrained.md)"
    ),
}
_IMAGES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet": "ImageNet"}


def finding_of(kind: str, network: str, into: int, image_size: int) -> Finding:
    """What is known of a network that is divided into S, or of the large one.

    Args:
        kind: ``large``, ``divided``, ``inherited`` from a run, ``heirs`` of pretrained weights, or
            ``taught``.
        network: Name of the large network.
        into: S.
        image_size: Pixels, for which the paper's network was trained.
    """
    if kind in ("large", "divided"):
        rows = [
            each
            for each in PUBLISHED
            if (each.network, each.image_size) == (network, image_size) and each.is_usual
        ]
        if told := "; ".join(_published(rows, into)):
            return Finding(evidence="published", text=f"{told} (arXiv:2011.14660)")
    here = MEASURED_HERE.get((kind, network, into))
    if here is not None:
        return Finding(evidence="measured here", text=here)
    return Finding(evidence="no evidence", text=_OF_OTHERS[kind])


def _published(rows: Iterable[PublishedResult], into: int) -> Iterable[str]:
    errors = {(each.dataset, each.into): each.error for each in rows}
    for (dataset, size), error in errors.items():
        if size == into:
            large = "" if into == 1 else f" against {errors[dataset, 1]:.2f} % of the large network"
            yield f"{_IMAGES[dataset]}: {error:.2f} % error{large}"
