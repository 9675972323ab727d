"""How good an ensemble is, and what it answers to files."""

from cotrain.evaluation.by_class import ByClass, ClassScores, Confusion, scores_by_class
from cotrain.evaluation.calibration.calibrate import calibrate
from cotrain.evaluation.scores import Diversity, Evaluation, Scores, evaluate_logits

__all__ = [
    "ByClass",
    "ClassScores",
    "Confusion",
    "Diversity",
    "Evaluation",
    "Scores",
    "calibrate",
    "evaluate_logits",
    "scores_by_class",
]
