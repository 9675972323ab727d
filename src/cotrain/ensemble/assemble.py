"""An ensemble of any networks: names, specs, modules, ensembles, and folders of trained ones."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed, seeded
from cotrain.config.combining import Combine
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.member import Member, refuse_other_images
from cotrain.ensemble.parts import Part, Source, parts_of
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.networks import build


def assemble(
    networks: Sequence[Source],
    *,
    example_input: Tensor | None = None,
    preprocessing: Preprocessing | None = None,
    combine: Combine = "mean_logits",
    seed: int | None = None,
) -> Ensemble:
    """Any networks as one ensemble: each keeps its weights; those that have none are drawn.

    All take images of one size and channels. Where a network's images are normalised by another
    mean and std than the ensemble's, it does the difference itself; where its classes have another
    order, its logits are put into the ensemble's. What was fitted to an ensemble that is taken
    apart, such as its calibration, is left behind.

    Args:
        networks: Names of networks, which are built for the images and classes of what is given
            beside them, or else as ``cotrain.networks.spec`` does; specs; modules, which are
            copied with their weights; functions that make one; and ensembles, folders of ensembles
            and run folders, all of whose networks become networks of this one.
        example_input: Images [B, C, H, W] as modules take them, where nothing else says so.
        preprocessing: What the ensemble's images go through; that of the first network that knows
            its own if None. Networks that do not know theirs take these images.
        combine: How the answers become one.
        seed: Seed of networks without weights; drawn from torch's random state if None.

    Raises:
        ConfigError: Nothing to assemble, something unknown, weights that are given twice, or
            networks that take other images, or give other classes, than the first.
    """
    if not networks:
        raise ConfigError("nothing to assemble: give names, specs, modules, ensembles or folders")
    parts = parts_of(networks, example_input)
    return assembled(parts, preprocessing=preprocessing, combine=combine, seed=seed)


def assembled(
    parts: Sequence[Part],
    *,
    preprocessing: Preprocessing | None = None,
    classes: tuple[str, ...] = (),
    combine: Combine = "mean_logits",
    seed: int | None = None,
) -> Ensemble:
    """The ensemble of these networks; see ``assemble``.

    Args:
        parts: The networks.
        preprocessing: What the images go through.
        classes: In the order of the logits; that of the first network that knows its own if empty.
        combine: How the answers become one.
        seed: Of networks without weights.

    Raises:
        ConfigError: Networks that take other images, or give other classes.
    """
    images = preprocessing or next((each.images for each in parts if each.images), None)
    classes = classes or next((each.classes for each in parts if each.classes), ())
    members = [_member(each, parts[0], images, classes, preprocessing is None) for each in parts]
    spec = EnsembleSpec(
        members=tuple(members),
        divided=None,
        combine=combine,
        classes=classes,
        preprocessing=images,
    )
    if seed is None:
        seed = int(torch.randint(2**62, ()))
    modules = [_module(part, derive_seed(seed, "init", at)) for at, part in enumerate(parts)]
    pairs = zip(members, modules, strict=True)
    return Ensemble([member.adapted(each, images, classes) for member, each in pairs], spec)


def some_of(ensemble: Ensemble, networks: Sequence[int]) -> Ensemble:
    """An ensemble of some of the networks, by index, which stay as they are."""
    spec = ensemble.spec.unfitted()
    members = tuple(spec.members[index] for index in networks)
    chosen = [ensemble.networks[index] for index in networks]
    return Ensemble(chosen, replace(spec, members=members, divided=None))


def _member(
    part: Part, first: Part, images: Preprocessing | None, classes: tuple[str, ...], strict: bool
) -> Member:
    """A network as one of an ensemble of these images and classes.

    Args:
        part: The network.
        first: The first network.
        images: Of the ensemble.
        classes: Of the ensemble.
        strict: Refuse images that are cropped in another way, or laid on another colour.
    """
    try:
        refuse_other_images(part.spec, first.spec)
        _refuse_other_classes(part.classes, classes)
        if part.images and images and strict:
            _refuse_other_frame(part.images, images)
    except ConfigError as problem:
        raise ConfigError(f"{part.name}: {problem}") from None
    own = part.images if part.images and images and images.change_to(part.images) else None
    return Member(
        network=part.spec,
        mean=own.mean if own else (),
        std=own.std if own else (),
        classes=part.classes if part.classes != classes else (),
    )


def _refuse_other_classes(own: tuple[str, ...], classes: tuple[str, ...]) -> None:
    for one, other in ((own, classes), (classes, own)):
        extra = sorted(set(one) - set(other)) if own else []
        if extra:
            whose = "it knows" if one is own else "it does not know"
            raise ConfigError(
                f"{whose} the class {extra[0]!r}, unlike the first network that names its classes: "
                "all networks of an ensemble know the same"
            )


def _refuse_other_frame(own: Preprocessing, images: Preprocessing) -> None:
    for name in ("margin", "interpolation", "crop_mode", "background"):
        if getattr(own, name) != getattr(images, name):
            raise ConfigError(
                f"its images have {name}={getattr(own, name)!r}, those of the ensemble "
                f"{getattr(images, name)!r}: give preprocessing=, which all then take"
            )


def _module(part: Part, seed: int) -> nn.Module:
    if part.module is not None:
        return part.module
    with seeded(seed):
        return build(part.spec)
