"""Answers to images of none of the classes, of which an ensemble should not be sure."""

from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.config import Data
from cotrain.config.datasets import DATASETS
from cotrain.data import load_test
from cotrain.data.images import read_batches
from cotrain.data.settings import has_any_size
from cotrain.ensemble.answering import Answering, known_preprocessing, logits_of_batches
from cotrain.evaluation.evaluate import collect_logits
from cotrain.evaluation.prediction import find_images


def logits_of_others(
    ensemble: Answering, ood: str, root: str | None = None, batch_size: int = 64
) -> Float[Tensor, "S M C"]:
    """Logits of images at the size and with the channels that the ensemble takes.

    Args:
        ensemble: Who answers.
        ood: A folder, of which all images are taken, whatever they show; or the name of a data set,
            of which those are taken that it is tested on.
        root: Where the data set lies; None for a folder, and for ``digits``.
        batch_size: Images at once.

    Raises:
        ConfigError: There are no such images, or ``root`` is missing or would be ignored.
    """
    if ood in DATASETS:
        return _of_data_set(ensemble, ood, root, batch_size)
    if root is not None:
        raise ConfigError(
            f"ood_root={root} would be ignored: ood={ood} is none of {', '.join(DATASETS)}: "
            "leave it out"
        )
    return _of_files(ensemble, ood, batch_size)


def _of_data_set(
    ensemble: Answering, name: str, root: str | None, batch_size: int
) -> Float[Tensor, "S M C"]:
    if (name == "digits") != (root is None):
        raise ConfigError(
            f"ood=digits is part of scikit-learn, ood_root={root} would be ignored: leave it out"
            if name == "digits"
            else f"ood={name} is a data set: give the folder that it lies in by --ood_root"
        )
    shape = known_preprocessing(ensemble.spec)
    data = Data(dataset=name, root=root)  # type: ignore[arg-type]
    try:
        found = load_test(data, keep_files=has_any_size(name), shape=shape, classes=())
    except ConfigError as error:
        if root is None or not Path(root).is_dir() or "does not hold" in str(error):
            raise ConfigError(
                f"ood_root={root!r} does not hold {name}: give the folder that does"
            ) from error
        raise
    assert found.test is not None
    return collect_logits(ensemble, found.test, shape, batch_size=batch_size)[0]


def _of_files(ensemble: Answering, root: str, batch_size: int) -> Float[Tensor, "S M C"]:
    files, preprocessing = find_images(root).files, known_preprocessing(ensemble.spec)
    read = chain.from_iterable(read_batches(files, preprocessing, batch_size))
    pixels = [each for each in read if isinstance(each, Tensor)]
    if not pixels:
        raise ConfigError(f"{root}: none of its images can be decoded: give another folder")
    batches = torch.stack(pixels).split(batch_size)
    return torch.cat([*logits_of_batches(ensemble, map(ensemble.prepare, batches))], dim=1)
