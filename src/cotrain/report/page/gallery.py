"""Images of the test with what every network says of them."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cotrain.basics.shapes import Float, UInt8
from cotrain.data import Splits
from cotrain.ensemble.combining import mutual_information
from cotrain.report.page.answered import Answered
from cotrain.report.page.contents import Exhibit, Gallery, Vote

SHOWN = 12  # of each kind
_VOTERS = 8  # networks whose votes are listed; the ensemble's always is
_SIDE = 96  # pixels of an image, at most


def galleries(answered: Answered) -> list[Gallery]:
    """The images on which the networks disagree most, and those answered surely and wrong.

    Raises:
        ConfigError: The images are gone, or not those that were answered.
    """
    groups = {"Wrong, and sure of it": _surely_wrong(answered)}
    if len(answered.logits) > 1:
        groups = {"Most disputed": _disputed(answered)} | groups
    return [
        Gallery(title=title, exhibits=[_exhibit(answered, place) for place in places])
        for title, places in groups.items()
        if places
    ]


def _surely_wrong(answered: Answered) -> list[int]:
    """Wrong answers, the surest first."""
    confidence, label = answered.log_p.max(-1)
    wrong = (label != answered.targets).nonzero().flatten()
    return wrong[confidence[wrong].argsort(descending=True, stable=True)][:SHOWN].tolist()


def _disputed(answered: Answered) -> list[int]:
    """Where most networks name another class than the ensemble; then by mutual information."""
    order = mutual_information(answered.logits).argsort(descending=True, stable=True)
    others = (answered.logits.argmax(-1) != answered.log_p.argmax(-1)).sum(0)
    order = order[others[order].argsort(descending=True, stable=True)]
    return order[others[order] > 0][:SHOWN].tolist()


def _exhibit(answered: Answered, place: int) -> Exhibit:
    heard = [("ensemble", answered.log_p[place])]
    if len(answered.logits) > 1:
        for number, logits in enumerate(answered.logits[:_VOTERS, place]):
            heard.append((f"network {number}", logits.double().log_softmax(-1)))
    truth = int(answered.targets[place])
    return exhibit_of(answered.images, place, truth, answered.labels, heard)


def exhibit_of(
    images: Splits,
    place: int,
    truth: int,
    labels: Sequence[str],
    heard: Sequence[tuple[str, Float[Tensor, " C"]]],
) -> Exhibit:
    """A test image with what is said of it.

    Args:
        images: Where it is.
        place: Which of the test images.
        truth: Its class.
        labels: Names of the C classes.
        heard: Who answers, and the logarithms of the probabilities.
    """
    assert images.test is not None
    votes = []
    for voter, log_p in heard:
        answer = int(log_p.argmax())
        votes.append(
            Vote(
                voter=voter,
                answer=labels[answer],
                probability=log_p[answer].exp().item(),
                right=answer == truth,
            )
        )
    return Exhibit(
        image=png_of(images.test.pixels([place])[0]),
        name=image_name(images, place),
        says=[f"class: {labels[truth]}"],
        votes=votes,
    )


def image_name(images: Splits, place: int) -> str:
    """What a test image is called: its file, or its number."""
    return images.test_files[place] if images.test_files else f"test image {place}"


def png_of(*images: UInt8[Tensor, "C H W"]) -> bytes:
    """Images of one size, beside each other, as a small PNG file."""
    array = np.asarray(torch.cat(images, dim=-1).permute(1, 2, 0))
    image = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    image.thumbnail((_SIDE * len(images), _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
