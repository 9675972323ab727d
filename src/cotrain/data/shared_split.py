"""Whether runs held out the same images, and none has trained on what another holds out."""

from collections.abc import Iterator, Mapping
from itertools import permutations

from cotrain.basics.errors import ConfigError
from cotrain.data.split_record import SplitRecord

HELD_OUT = ("val", "calibration", "test")


def shared_split(records: Mapping[str, SplitRecord | None]) -> SplitRecord:
    """The split that all runs share, as the first remembers it.

    They may have trained on different images, as long as those held out are the same.

    Args:
        records: By the name that an error gives.

    Raises:
        ConfigError: A run does not say its split, has trained on images that another holds out,
            or holds out others.
    """
    known: dict[str, SplitRecord] = {}
    for name, record in records.items():
        if record is None:
            raise ConfigError(
                f"{name} does not say which images it trained on, as it has no split.jsonl: give "
                "runs, or use cotrain.assemble in Python"
            )
        known[name] = record
    first, model = next(iter(known.items()))
    if any(each.digest != model.digest for each in known.values()):
        for (one, trained), (other, tested) in permutations(known.items(), 2):
            _refuse_leak(one, trained, other, tested)
        for name, each in known.items():
            if _held_out(each) != _held_out(model):
                raise ConfigError(
                    f"{name} and {first} were not trained and validated on the same images: give "
                    "runs of one split"
                )
    return model


def _refuse_leak(one: str, trained: SplitRecord, other: str, tested: SplitRecord) -> None:
    """Raise ConfigError if one run has trained on images that another is judged by."""
    for part in HELD_OUT:
        if part not in tested.parts or "train" not in trained.parts:
            continue
        seen = trained.parts["train"].names_in([tested.parts[part]])
        if seen is None:
            raise ConfigError(
                f"whether {one} has trained on the {part} images of {other} is not known, as "
                "data.scan was false: give runs of one split"
            )
        if seen:
            raise ConfigError(
                f"{one} has trained on {len(seen)} of the {part} images of {other} ({seen[0]}), "
                "so that it knows what it would be judged by: they were not trained and "
                "validated on the same images: give runs of one split"
            )


def _held_out(record: SplitRecord) -> dict[str, list[tuple[object, ...]]]:
    """Name, class and content of the images of each part that is held out."""
    classes = record.origin.classes

    def rows(part: str) -> Iterator[tuple[object, ...]]:
        for name, target, _, content in record.parts[part].rows():
            yield name, classes[target], content

    return {part: list(rows(part)) for part in HELD_OUT if part in record.parts}
