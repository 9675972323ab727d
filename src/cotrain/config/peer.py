"""Peers: how others get several answers from one network, to compare with."""

from typing import Literal

PeerKind = Literal["packed", "mimo"]
PeerSetting = Literal["none", PeerKind]
