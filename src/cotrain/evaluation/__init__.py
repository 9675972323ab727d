"""How good an ensemble is, and what it answers to files."""

from cotrain.evaluation.calibration.calibrate import calibrate
from cotrain.evaluation.scores import Diversity, Evaluation, Scores, evaluate_logits

__all__ = ["Diversity", "Evaluation", "Scores", "calibrate", "evaluate_logits"]
