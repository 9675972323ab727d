"""Tensors of a ``.safetensors`` file, which holds nothing else: no code can be in it."""

from pathlib import Path

import safetensors.torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.text import one_line


def read_tensors(path: Path, again: str) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU.

    Args:
        path: The file.
        again: What to do where it is no such file.

    Raises:
        ConfigError: It is missing, cannot be read, or is no safetensors file.
    """
    try:
        return parse_tensors(path.read_bytes(), path, again)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): {again}") from None


def parse_tensors(content: bytes, path: Path, again: str) -> dict[str, Tensor]:
    """The tensors in the content of a file; see ``read_tensors``."""
    try:
        return safetensors.torch.load(content)
    except Exception as error:  # of safetensors, or of torch for types and sizes that it has not
        raise ConfigError(
            f"{path} is not a safetensors file ({one_line(error)}): {again}"
        ) from None
