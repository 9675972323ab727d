"""The verbs of the command, one a file; their arguments and docstrings are its help."""

from typing import Any

from cotrain.cli.verbs.assemble import assemble
from cotrain.cli.verbs.benchmark import benchmark
from cotrain.cli.verbs.calibrate import calibrate
from cotrain.cli.verbs.cascade import cascade
from cotrain.cli.verbs.compare import compare
from cotrain.cli.verbs.distill import distill
from cotrain.cli.verbs.divide import divide
from cotrain.cli.verbs.evaluate import evaluate
from cotrain.cli.verbs.export import export
from cotrain.cli.verbs.import_checkpoint import import_checkpoint
from cotrain.cli.verbs.networks import networks
from cotrain.cli.verbs.pilot import pilot
from cotrain.cli.verbs.plan import plan
from cotrain.cli.verbs.predict import predict
from cotrain.cli.verbs.recipes import recipes
from cotrain.cli.verbs.report import report
from cotrain.cli.verbs.soup import soup
from cotrain.cli.verbs.table import table
from cotrain.cli.verbs.train import train
from cotrain.cli.verbs.uncertainty import uncertainty
from cotrain.cli.verbs.views import views

# In the order in which help lists them.
VERBS: dict[str, Any] = {
    "divide": divide,
    "plan": plan,
    "pilot": pilot,
    "views": views,
    "train": train,
    "evaluate": evaluate,
    "calibrate": calibrate,
    "uncertainty": uncertainty,
    "cascade": cascade,
    "predict": predict,
    "benchmark": benchmark,
    "export": export,
    "compare": compare,
    "report": report,
    "assemble": assemble,
    "distill": distill,
    "soup": soup,
    "import-checkpoint": import_checkpoint,
    "networks": networks,
    "recipes": recipes,
    "table": table,
}
