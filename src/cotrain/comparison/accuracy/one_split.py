"""The images of a comparison: one split, on which every candidate is trained and tested."""

from collections.abc import Sequence
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.run import Run
from cotrain.config import Experiment
from cotrain.data import SplitRecord, Splits, read_record


def remembered_split(folder: RunFolder, runs: Sequence[Run]) -> SplitRecord | None:
    """The split of a comparison that was begun; None where no file says it.

    Args:
        folder: The comparison's.
        runs: All that it compares, begun or not.

    Raises:
        ConfigError: A run was trained and tested on other images, or a file is damaged.
    """
    shared = read_record(folder.split)
    for run in runs:
        record = read_record(run.folder.split)
        shared = shared or record
        if record is not None and shared is not None and record.digest != shared.digest:
            raise ConfigError(
                f"{run.folder.root} holds a run that was trained and tested on other images: "
                "choose another --output"
            )
    return shared


def check_tests(output: Path) -> None:
    """Raise ConfigError for the folder of a pilot, whose test images are none of the test."""
    record = read_record(RunFolder(output).split)
    if record is not None and record.is_on_validation:
        raise ConfigError(
            f"{output} remembers the images of a pilot, which tests on held-out training images: "
            "choose another --output"
        )


def keep_split(experiment: Experiment, folder: RunFolder, remembered: SplitRecord | None) -> Splits:
    """Draw the split, or find it again; show it, and write it once, where the runs look for it.

    Raises:
        ConfigError: Images are missing, too few, unreadable or not those that are remembered.
    """
    # Imported here because Lightning, which comes with it, takes seconds.
    from cotrain.training.from_experiment import experiment_images

    splits = experiment_images(experiment, remembered)
    splits.show()
    if not folder.split.exists():
        splits.write(folder)
    return splits
