"""Dividing: the description of a large network becomes that of one of S small ones."""

from cotrain.config import DivideOptions
from cotrain.dividing.divide_spec import divide_spec

__all__ = ["DivideOptions", "divide_spec"]
