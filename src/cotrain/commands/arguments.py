"""Arguments that several verbs read alike."""

import torch

from cotrain.errors import ConfigError


def whole_numbers(name: str, text: int | str) -> tuple[int, ...]:
    """The numbers of a list such as ``1,2,4``.

    Raises:
        ConfigError: Something else.
    """
    try:
        numbers = tuple(int(part) for part in str(text).split(","))
    except ValueError:
        raise ConfigError(f"{name}={text!r} is not a list of whole numbers: try 1,2,4") from None
    if len(set(numbers)) < len(numbers):
        raise ConfigError(f"{name}={text!r} names a number twice: give each once")
    return numbers


def checked_device(device: str) -> str:
    """The device's name, if PyTorch has it.

    Raises:
        ConfigError: It has not.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={device!r}: {str(error).splitlines()[0]}: use cpu") from None
    return device
