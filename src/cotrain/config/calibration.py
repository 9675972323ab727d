"""Words of calibration: how sets of classes are made, and which images it was fitted to."""

from typing import Literal

# How an answer becomes a set of classes that holds the right one as often as wanted.
SetMethod = Literal["lac", "aps", "raps"]
# Images of the run that neither trained nor selected, those that selected, or others.
FittedOn = Literal["calibration", "validation", "other"]
