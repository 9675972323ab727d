"""Modules of version 0.1 under the names they had there, with a warning that says the new one."""

import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "cotrain.combining": "cotrain.ensemble.combining",
    "cotrain.costs": "cotrain.networks.costs",
    "cotrain.errors": "cotrain.basics.errors",
    "cotrain.losses": "cotrain.ensemble.losses",
    "cotrain.mixing": "cotrain.data.views.mixing",
    "cotrain.optimization": "cotrain.training.optimization",
    "cotrain.prediction": "cotrain.evaluation.prediction",
    "cotrain.preprocessing": "cotrain.ensemble.preprocessing",
    "cotrain.recipes": "cotrain.config.recipes",
    "cotrain.schedules": "cotrain.training.schedules",
    "cotrain.views": "cotrain.data.views.views",
}


class _MovedModules(MetaPathFinder, Loader):
    """Finds a module that has moved, and gives the one that is there now."""

    def find_spec(self, fullname: str, path: object = None, target: object = None):
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> None:
        """An empty one; ``exec_module`` puts the moved module in its place."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        warnings.warn(f"{name} has moved: import {MOVED[name]}", DeprecationWarning, stacklevel=2)
        sys.modules[name] = import_module(MOVED[name])


def find_moved_modules() -> None:
    """Let the old names be imported; nothing is imported before one is asked for."""
    sys.meta_path.append(_MovedModules())
