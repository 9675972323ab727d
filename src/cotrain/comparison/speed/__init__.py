"""How fast networks and ensembles answer: strategies, ceilings, the large network, in turns."""

from cotrain.comparison.speed.benchmarking import Plan, benchmark
from cotrain.comparison.speed.cases import LEVELS, STRATEGIES
from cotrain.comparison.speed.records import Benchmark, Case, Facts, Refusal, Row, Verdict
from cotrain.comparison.speed.targets import Target, find_targets, target_of

__all__ = [
    "LEVELS",
    "STRATEGIES",
    "Benchmark",
    "Case",
    "Facts",
    "Plan",
    "Refusal",
    "Row",
    "Target",
    "Verdict",
    "benchmark",
    "find_targets",
    "target_of",
]
