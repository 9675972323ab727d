"""How fast networks and ensembles answer: strategies, ceilings, the large network, in turns."""

from cotrain.comparison.speed.benchmarking import Plan, benchmark
from cotrain.comparison.speed.cases import EXACT_LEVELS, HALF_LEVELS, STRATEGIES
from cotrain.comparison.speed.records import Benchmark, Case, Facts, Refusal, TimedCase, Verdict
from cotrain.comparison.speed.targets import BenchmarkTarget, benchmark_target, find_targets

__all__ = [
    "EXACT_LEVELS",
    "HALF_LEVELS",
    "STRATEGIES",
    "Benchmark",
    "BenchmarkTarget",
    "Case",
    "Facts",
    "Plan",
    "Refusal",
    "TimedCase",
    "Verdict",
    "benchmark",
    "benchmark_target",
    "find_targets",
]
