"""Arguments that several verbs read alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cotrain.basics.errors import ConfigError

if TYPE_CHECKING:
    from cotrain.comparison.accuracy.cluster import RayCluster

N = TypeVar("N", int, float)


def whole_numbers(name: str, text: int | str) -> tuple[int, ...]:
    """The numbers of a list such as ``1,2,4``.

    Raises:
        ConfigError: Something else.
    """
    return _listed(name, text, int, "whole numbers: try 1,2,4")


def numbers(name: str, text: float | str) -> tuple[float, ...]:
    """The numbers of a list such as ``0,0.1,0.5``.

    Raises:
        ConfigError: Something else.
    """
    return _listed(name, text, float, "numbers: try 0,0.1,0.5")


def _listed(
    name: str, text: float | str, number: Callable[[str], N], expected: str
) -> tuple[N, ...]:
    try:
        found = tuple(number(part) for part in str(text).split(","))
    except ValueError:
        raise ConfigError(f"{name}={text!r} is not a list of {expected}") from None
    if len(set(found)) < len(found):
        raise ConfigError(f"{name}={text!r} names a number twice: give each once")
    return found


def some_of(
    name: str, text: str, known: Sequence[str], *, extra: Sequence[str] = ()
) -> tuple[str, ...]:
    """The words of a list such as ``loop,threads``; ``all`` stands for all that are known.

    Args:
        name: The flag.
        text: Its value.
        known: What ``all`` means.
        extra: Further words, which have to be named.

    Raises:
        ConfigError: Another word.
    """
    named = {"all": tuple(known)}
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in (*named, *known, *extra):
            raise ConfigError(
                f"{name}={word!r} is not known: use all, or some of {', '.join((*known, *extra))}"
            )
    return tuple(dict.fromkeys(each for word in words for each in named.get(word, (word,))))


def one_large_network(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError where the settings name several networks, or one of the S alone."""
    network = str(settings.get("network", ""))
    if "," in network:
        raise ConfigError(
            f"network={network} names several, and here one large network is divided: give that, "
            f"and compare them with cotrain compare --mixed {network.replace(',', '+')}"
        )
    options = settings.get("co_training")
    if options is not None and options.member is not None:
        raise ConfigError(
            f"co_training.member={options.member} trains one network alone, and here all S are "
            "trained and compared: leave it out"
        )


def on_cluster(cluster: str | None, gpus: float | None) -> "RayCluster | None":
    """The cluster that --cluster and --cluster_gpus name; None without.

    Raises:
        ConfigError: A number of GPUs that no run has.
    """
    from cotrain.comparison.accuracy.cluster import RayCluster

    if gpus is not None and cluster is None:
        raise ConfigError(f"cluster_gpus={gpus:g} would be ignored: give --cluster ray too")
    if gpus is not None and not 0 <= gpus <= 1:
        raise ConfigError(f"cluster_gpus={gpus:g}: a run has one GPU, a share such as 0.5, or 0")
    return None if cluster is None else RayCluster(gpus=gpus)


def checked_device(device: str) -> str:
    """The device's name, if PyTorch has it.

    Raises:
        ConfigError: It has not.
    """
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={device!r}: {str(error).splitlines()[0]}: use cpu") from None
    return device
