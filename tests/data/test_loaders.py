"""Batches are a function of (seed, epoch, step, rank), whoever makes them."""

from typing import Any

import pytest
import torch
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.config import Views
from cotrain.data import (
    Batch,
    EpochSampler,
    FileImages,
    Share,
    TensorImages,
    TrainingBatches,
    evaluation_loader,
    training_loader,
)
from cotrain.data.epoch_order import Key
from cotrain.data.views import views
from cotrain.ensemble.preprocessing import Preprocessing

GREY = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.5,))
RGB = Preprocessing(image_size=12, in_channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
# Advice about the number of processes depends on the machine's cores.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def images(count=20):
    generator = torch.Generator().manual_seed(0)
    tensor = torch.randint(256, (count, 1, 8, 8), generator=generator).byte()
    return TensorImages(tensor=tensor, targets=torch.arange(count) % 5)


def loader(views=None, *, batch_size=4, workers=0, **options) -> Any:
    settings = {"images": images(), "into": 3, "seed": 0, "num_classes": 5, "preprocessing": GREY}
    batches = TrainingBatches(views=views or Views(padding=1), **(settings | options))
    return training_loader(batches, batch_size=batch_size, workers=workers)


def epochs(batches: Any, count: int) -> list[Batch]:
    found = []
    for epoch in range(count):
        batches.sampler.set_epoch(epoch)
        found += list(batches)
    return found


def equal(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a.images, b.images) and torch.equal(a.targets, b.targets)
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize(("least", "side"), [(0.5, 24), (0.1, 48), (0.05, 96)])
def test_large_files_are_read_at_the_size_that_their_smallest_crop_needs(
    tmp_path, monkeypatch, least, side
):
    """Crops of 12 pixels and more, from 96."""
    ramp = torch.linspace(0, 255, 96).byte().expand(96, 96).numpy()
    for name in ("a", "b"):
        Image.fromarray(ramp).convert("RGB").save(tmp_path / f"{name}.jpg", quality=95)
    paths = [str(tmp_path / f"{name}.jpg") for name in ("a", "b")]
    files = FileImages(paths=paths, targets=torch.arange(2), preprocessing=RGB)
    seen: list[torch.Tensor] = []
    cut = views.random_resized_crop

    def spied(originals, size, scale):
        seen.append(originals[0])
        return cut(originals, size, scale)

    monkeypatch.setattr(views, "random_resized_crop", spied)
    for draft in (False, True):
        how = Views(crop="resized", scale=(least, 1.0), flip=False, draft=draft)
        (batch,) = loader(how, batch_size=2, images=files, preprocessing=RGB, num_classes=2)
        assert batch.images.shape == (3, 2, 3, 12, 12)
    assert [each.shape[-1] for each in seen] == [96] * 3 + [side] * 3
    small = torch.nn.functional.adaptive_avg_pool2d(seen[0].float(), side)
    assert (seen[-1] - small).abs().max() < 4


@pytest.mark.parametrize("views", [Views(padding=1), Views(padding=1, mixup=0.2, cutmix=1.0)])
def test_the_number_of_workers_changes_no_batch(views):
    alone = epochs(loader(views), 2)
    assert equal(alone, epochs(loader(views, workers=2), 2))
    assert len(alone) == 10
    assert alone[0].images.shape == (3, 4, 1, 8, 8)
    assert alone[0].images.dtype == torch.float32


def test_targets_are_classes_or_shares():
    hard, soft = next(iter(loader())), next(iter(loader(Views(mixup=0.2))))
    assert hard.targets.dtype == torch.int64
    assert hard.targets.shape == (4,)
    assert soft.targets.dtype == torch.float32
    assert soft.targets.shape == (4, 5)


def test_batches_change_with_epoch_and_seed_but_not_with_the_network_count():
    first, second = epochs(loader(), 2)[::5]
    assert not torch.equal(first.images, second.images)
    assert not torch.equal(first.images, next(iter(loader(seed=1))).images)
    assert torch.equal(first.images[:1], next(iter(loader(into=1))).images)


def test_the_views_of_an_image_differ_and_change_from_epoch_to_epoch():
    one = TensorImages(tensor=images().tensor[:1], targets=torch.zeros(1).long())
    options = {"images": one, "num_classes": 1, "into": 4, "batch_size": 1}
    batches = loader(Views(padding=2), **options)
    first, second = epochs(batches, 2)
    assert all(not torch.equal(first.images[0], view) for view in first.images[1:])
    assert not torch.equal(first.images, second.images)
    same = next(iter(loader(Views(padding=2, same_view=True), **options)))
    assert all(torch.equal(first.images[0], view) for view in same.images)


def test_every_image_is_seen_at_most_once_and_ranks_are_disjoint():
    ranks = [EpochSampler(23, batch_size=3, seed=5, share=Share(rank, 2)) for rank in range(2)]
    for epoch in range(2):
        seen, numbers = [], []
        for sampler in ranks:
            sampler.set_epoch(epoch)
            keys = list(sampler)
            assert [key.epoch for key in keys] == [epoch] * 3
            numbers += [key.batch for key in keys]
            seen += [index for key in keys for index in key.indices]
        assert numbers == [0, 2, 4, 1, 3, 5]
        assert len(seen) == len(set(seen)) == 18
        assert set(seen) <= set(range(23))


@pytest.mark.parametrize("now", [1, 2])
def test_fewer_processes_take_the_batches_that_four_began_with(now: int):
    def keys(processes: int, begun: int | None = None) -> set[Key]:
        shares = [Share(rank, processes, begun) for rank in range(processes)]
        return {
            key for each in shares for key in EpochSampler(22, batch_size=2, seed=1, share=each)
        }

    assert len(keys(4)) == 8  # of the 11 batches that there are
    assert keys(now, begun=4) == keys(4)
    assert len(keys(now)) == {1: 11, 2: 10}[now]


def test_epochs_are_shuffled_differently():
    sampler = EpochSampler(20, batch_size=20, seed=1)
    first = next(iter(sampler)).indices
    sampler.set_epoch(1)
    second = next(iter(sampler)).indices
    assert first != second
    assert sorted(first) == sorted(second) == list(range(20))


@pytest.mark.parametrize("workers", [0, 2])
def test_resume_gives_exactly_the_tail(workers):
    whole = epochs(loader(), 3)
    batches = loader(workers=workers)
    batches.sampler.resume(1, 3)
    batches.sampler.set_epoch(1)  # the trainer says so too; it must not start again
    tail = list(batches)
    assert len(batches) == 5
    assert equal(tail, whole[8:10])
    batches.sampler.set_epoch(2)
    assert equal(list(batches), whole[10:])


def test_loading_leaves_the_random_state_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    list(loader(Views(padding=1, mixup=0.2)))
    list(evaluation_loader(images(), preprocessing=GREY, batch_size=4))
    assert torch.equal(torch.rand(1), expected)


def test_fewer_images_than_a_batch():
    with pytest.raises(ConfigError, match=r"batch_size=11 on 2 processes .* 20 .* at most 10"):
        EpochSampler(20, batch_size=11, seed=0, share=Share(0, 2))


def test_impossible_views_are_refused_before_the_first_batch():
    with pytest.raises(ConfigError, match=r"views.policy"):
        loader(Views(policy="autoaugment-svhn"))


def test_evaluation_is_in_order_and_whole():
    batches = list(evaluation_loader(images(), preprocessing=GREY, batch_size=8))
    assert [len(batch.targets) for batch in batches] == [8, 8, 4]
    found = torch.cat([batch.images for batch in batches])
    assert torch.equal(found, GREY.normalize(images().tensor))
    assert torch.equal(torch.cat([batch.targets for batch in batches]), images().targets)


def test_evaluation_ranks_share_the_batches():
    def firsts(rank):
        batches = evaluation_loader(
            images(), preprocessing=GREY, batch_size=8, share=Share(rank, 2)
        )
        return [batch.images for batch in batches]

    whole = [b.images for b in evaluation_loader(images(), preprocessing=GREY, batch_size=8)]
    left, right = firsts(0), firsts(1)
    assert all(torch.equal(a, b) for a, b in zip([left[0], right[0], left[1]], whole, strict=True))
    assert (len(left), len(right)) == (2, 1)


def test_files_are_cropped_at_full_size(write_images):
    root = write_images(count=2, size=(30, 20))
    paths = sorted(str(path) for path in root.rglob("*.png"))
    files = FileImages(paths=paths, targets=torch.tensor([0, 0, 1, 1]), preprocessing=RGB)
    views = Views(crop="resized", mixup=0.2)
    [batch] = loader(views, images=files, preprocessing=RGB, num_classes=2, into=2)
    assert batch.images.shape == (2, 4, 3, 12, 12)
    assert not torch.equal(batch.images[0], batch.images[1])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_breaks_later_is_named(write_images, workers):
    root = write_images(count=2)
    paths = sorted(str(path) for path in root.rglob("*.png"))
    files = FileImages(paths=paths, targets=torch.tensor([0, 0, 1, 1]), preprocessing=RGB)
    (root / "bee" / "001.png").write_bytes(b"")
    batches = evaluation_loader(files, preprocessing=RGB, batch_size=2, workers=workers)
    with pytest.raises(ConfigError, match=r"bee/001.png cannot be decoded \(not an image\)"):
        list(batches)


def test_memory_is_pinned_only_where_asked(monkeypatch):
    """A run on the CPU of a machine with a GPU makes no context on it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    options: dict[str, Any] = {"preprocessing": None, "batch_size": 4}
    assert not loader().pin_memory
    assert not evaluation_loader(images(), **options).pin_memory
    assert evaluation_loader(images(), **options, pin=True).pin_memory
