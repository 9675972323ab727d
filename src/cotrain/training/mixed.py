"""Networks that differ, of which none is divided, as the ensemble that is trained."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed
from cotrain.config import Experiment
from cotrain.data import Splits
from cotrain.ensemble.assemble import assembled
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.parts import Part, parts_of
from cotrain.ensemble.preprocessing import native_images
from cotrain.ensemble.pretrained import pretrained_network
from cotrain.networks import ForeignSpec, NetworkSpec, spec_for_images

_WORDS = {"true": True, "false": False}


def mixed_ensemble(experiment: Experiment, splits: Splits, *, resumed: bool) -> Ensemble:
    """The networks that an experiment names, side by side, before training.

    Each is built for the images' size. Pretrained ones see the images normalised as their library
    does it, unless ``data`` says how; those that inherit as they were trained.

    Args:
        experiment: Which networks, and what they start from.
        splits: The images.
        resumed: Weights are loaded afterwards: no pretrained ones are looked for.

    Raises:
        ConfigError: A network that cannot be built, or cannot start so.
    """
    images, classes = splits.preprocessing, splits.classes
    specs = [
        spec_for_images(
            name,
            num_classes=len(classes),
            in_channels=images.in_channels,
            image_size=images.image_size,
            **experiment.network_options,
        )
        for name in experiment.networks
    ]
    if experiment.inherit is None:
        parts = list(_parts(experiment, specs, resumed=resumed))
    else:
        parts = _trained(experiment.inherit, specs)
    made = assembled(parts, preprocessing=images, classes=classes, seed=experiment.seed)
    return made.train()


def _parts(
    experiment: Experiment, specs: Sequence[NetworkSpec], *, resumed: bool
) -> Iterator[Part]:
    """The networks from fresh or pretrained weights."""
    given = experiment.pretrained
    starts = given.split(",") if isinstance(given, str) else [given] * len(specs)
    normalises = experiment.data.mean is None and experiment.data.std is None
    for index, (spec, start) in enumerate(zip(specs, starts, strict=True)):
        weights = _WORDS.get(start, start) if isinstance(start, str) else start
        own = isinstance(spec, ForeignSpec) and bool(weights) and normalises
        seed = derive_seed(experiment.seed, "init", index)
        yield Part(
            name=spec.arch,
            spec=spec,
            module=pretrained_network(spec, weights, seed=seed)
            if weights and not resumed
            else None,
            images=native_images(spec) if own else None,
        )


def _trained(path: str, specs: Sequence[NetworkSpec]) -> list[Part]:
    """The networks of a run, or an ensemble, with their weights."""
    parts = parts_of([Path(path)], None)
    found, wanted = ([each.arch for each in some] for some in ([p.spec for p in parts], specs))
    if [part.spec for part in parts] != list(specs):
        raise ConfigError(
            f"inherit={path}: it holds {' + '.join(found)}, not {' + '.join(wanted)} for "
            f"{specs[0].num_classes} classes and images of {specs[0].image_size} pixels: give a "
            "run or an ensemble of these, in this order"
        )
    return parts
