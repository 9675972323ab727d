"""Networks that differ, trained together, as candidates beside the large network."""

from collections.abc import Sequence
from dataclasses import replace

from cotrain.basics.errors import ConfigError
from cotrain.comparison.accuracy.candidates import Candidate
from cotrain.config import Data, DivideOptions, Experiment
from cotrain.networks.foreign import is_foreign
from cotrain.networks.registry import named_spec


def list_mixed(experiment: Experiment, mixed: Sequence[str]) -> list[Candidate]:
    """The ensembles that are asked for, with all settings that they share with the others.

    They see images of the size that the large network sees.

    Args:
        experiment: What all candidates share; its network is the large one.
        mixed: Such as ``basic_resnet14_8+basic_resnet8_8``: two networks that are not divided.

    Raises:
        ConfigError: One network alone, one ensemble named twice, or settings that are for one
            large network.
    """
    found = [_candidate(experiment, each.split("+")) for each in mixed]
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise ConfigError(f"mixed={','.join(mixed)} names one twice: give each once")
    return found


def _candidate(experiment: Experiment, names: Sequence[str]) -> Candidate:
    if len(names) == 1:
        raise ConfigError(
            f"mixed={names[0]} is one network: give several with + between, such as "
            f"{experiment.network}+{names[0]}"
        )
    into = len(names)
    return Candidate(
        name=" + ".join(names),
        slug=f"s{into}-" + "+".join(names).replace(":", "_").replace("/", "_"),
        experiment=replace(
            experiment,
            network=",".join(names),
            into=into,
            dividing=DivideOptions(),
            data=_at_one_size(experiment, names),
        ),
    )


def _at_one_size(experiment: Experiment, names: Sequence[str]) -> Data:
    """The images at the large network's size, where another library's would have its own."""
    data, network = experiment.data, experiment.network
    if data.image_size is not None or not any(map(is_foreign, names)):
        return data
    if not is_foreign(network):
        raise ConfigError(
            f"mixed={'+'.join(names)}: a network of another library has images of its own size, "
            f"and {network} has not: give --data.image_size"
        )
    return replace(data, image_size=named_spec(network, **experiment.network_options).image_size)
