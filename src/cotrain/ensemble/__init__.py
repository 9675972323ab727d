"""S networks that answer as one: made, combined, co-trained, saved."""

from cotrain.config.combining import Combine
from cotrain.ensemble.assemble import assemble
from cotrain.ensemble.combining import combine_logits
from cotrain.ensemble.divide import divide
from cotrain.ensemble.ensemble import Ensemble, load_shipped, split_views
from cotrain.ensemble.losses import CoTrainingLoss
from cotrain.ensemble.member import Member
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.ensemble.spec import EnsembleSpec

__all__ = [
    "CoTrainingLoss",
    "Combine",
    "Ensemble",
    "EnsembleSpec",
    "Member",
    "Preprocessing",
    "assemble",
    "combine_logits",
    "divide",
    "load_shipped",
    "split_views",
]
