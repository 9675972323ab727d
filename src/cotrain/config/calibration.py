"""How an answer becomes a set of classes that holds the right one as often as wanted."""

from typing import Literal

SetMethod = Literal["lac", "aps", "raps"]
