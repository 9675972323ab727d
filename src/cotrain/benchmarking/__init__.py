"""How fast networks and ensembles answer: strategies, ceilings, the large network, in turns."""

from cotrain.benchmarking.cases import LEVELS, STRATEGIES
from cotrain.benchmarking.records import Benchmark, Case, Facts, Refusal, Row, Verdict
from cotrain.benchmarking.running import Plan, benchmark
from cotrain.benchmarking.targets import Target, find_targets

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
]
