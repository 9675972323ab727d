"""The verbs of the command, one a file; their arguments and docstrings are its help."""

from cotrain.commands.benchmark import benchmark
from cotrain.commands.compare import compare
from cotrain.commands.divide import divide
from cotrain.commands.evaluate import evaluate
from cotrain.commands.export import export
from cotrain.commands.import_checkpoint import import_checkpoint
from cotrain.commands.predict import predict
from cotrain.commands.recipes import recipes
from cotrain.commands.table import table
from cotrain.commands.train import train

__all__ = [
    "benchmark",
    "compare",
    "divide",
    "evaluate",
    "export",
    "import_checkpoint",
    "predict",
    "recipes",
    "table",
    "train",
]
