"""The ``cotrain`` command."""

from cotrain.cli.command import main

__all__ = ["main"]
