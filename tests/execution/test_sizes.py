"""Which sizes batches are run with, how they are padded, and which values are kept."""

import pytest
import torch
from torch import Tensor, nn

from cotrain.execution.sizes import Recent, Sizes, padded


def sizes_of(sizes: Sizes, *counts: int) -> list[int]:
    return [sizes.of(torch.zeros(count, 1, 2, 2)) for count in counts]


def test_the_first_sizes_are_exact_and_later_ones_powers_of_two() -> None:
    sizes = Sizes([nn.BatchNorm2d(1)])
    assert sizes_of(sizes, 100, 37, 1, 64, 100) == [100, 37, 1, 64, 100]
    with pytest.warns(UserWarning, match="batch sizes: 7 is not among the first 4 met"):
        assert sizes_of(sizes, 7) == [8]
    with pytest.warns(UserWarning, match="batch sizes"):
        assert sizes_of(sizes, 5, 90, 36, 129) == [8, 100, 37, 256]
    assert sizes.of(torch.zeros(7, 1, 4, 4)) == 7  # others of images of another shape


def test_images_whose_answers_depend_on_each_other_are_never_padded() -> None:
    sizes = Sizes([nn.BatchNorm2d(1, track_running_stats=False)])
    assert sizes_of(sizes, *range(1, 10)) == list(range(1, 10))


def channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def test_padding_keeps_images_and_layout() -> None:
    images = torch.arange(2.0 * 3 * 4 * 4).view(2, 3, 4, 4)
    for given in (images, channels_last(images), torch.stack([images, -images])):
        more = padded(given, 5)
        assert torch.equal(more.narrow(-4, 0, 2), given)
        assert not more.narrow(-4, 2, 3).any()
        assert more.shape[-4] == 5
        assert more.stride()[-3:] == given.stride()[-3:]
        assert padded(given, 2) is given


def test_what_was_used_longest_ago_is_dropped() -> None:
    recent: Recent[str] = Recent(2)
    made: list[str] = []

    def get(key: str) -> str:
        return recent.get(key, lambda: made.append(key) or key)

    assert [get(key) for key in "abacab"] == list("abacab")
    assert made == list("abcb")
