"""What a run has kept of its networks' answers, in place of answering again."""

from pathlib import Path

from torch import Tensor

from cotrain.basics.run_folder import tested_run
from cotrain.basics.shapes import Float, Int
from cotrain.data import Splits
from cotrain.evaluation.evaluate import read_predictions


def kept_logits(
    path: Path, images: Splits
) -> tuple[Float[Tensor, "S N C"], Int[Tensor, " N"]] | None:
    """What a run has kept of its networks' answers to its test images.

    Args:
        path: The run, or its ``ensemble/``; an exported file has answers of its own.
        images: The test images.

    Returns:
        Logits and classes; None if none are kept, or of other images.

    Raises:
        ConfigError: They are damaged.
    """
    run = tested_run(path)
    if run is None or images.test is None or not path.is_dir():
        return None
    logits, targets = read_predictions(run)
    return (logits, targets) if targets.equal(images.test.targets) else None
