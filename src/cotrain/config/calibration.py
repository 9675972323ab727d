"""Words of calibration: kinds of sets, images it is fitted to, and signals of being wrong."""

from typing import Literal

# How an answer becomes a set of classes that holds the right one as often as wanted.
SetMethod = Literal["lac", "aps", "raps"]
# Images of the run that neither trained nor selected, those that selected, or others.
FittedOn = Literal["calibration", "validation", "other"]
# Numbers that are larger where an ensemble is less sure.
Signal = Literal["maximum probability", "entropy", "mutual information", "disagreement", "energy"]
