"""The settings of a network that learns what a run knows."""

from pathlib import Path
from typing import Any

from cotrain.basics.run_folder import RunFolder
from cotrain.config.recipes import read_recipe


def student_settings(run: Path | str) -> dict[str, Any]:
    """The run's own settings, but for one fresh network of the large one's size that it teaches.

    Raises:
        ConfigError: There is no run, or its settings cannot be read.
    """
    folder = RunFolder(Path(run))
    folder.check_begun()
    changed = {"into": 1, "sized_for": None, "inherit": None, "teacher": {"run": str(run)}}
    return read_recipe(folder.config) | changed
