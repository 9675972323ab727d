"""One file that holds the whole ensemble, for runtimes that need no cotrain; and using it."""

from cotrain.config import ExportOptions
from cotrain.export.exported import Exported, is_exported, load_exported, open_answering
from cotrain.export.exporting import export_ensemble
from cotrain.export.summary import Report

__all__ = [
    "ExportOptions",
    "Exported",
    "Report",
    "export_ensemble",
    "is_exported",
    "load_exported",
    "open_answering",
]
