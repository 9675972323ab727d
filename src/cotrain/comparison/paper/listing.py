"""What each recipe trains, and what the paper reports of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cotrain.basics.errors import ConfigError
from cotrain.config.published import PUBLISHED, PublishedResult
from cotrain.config.recipes import list_recipes, load_recipe

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class ListedRecipe:
    """One recipe that comes with the package.

    Args:
        name: What ``--config`` takes.
        network: Name of the large network.
        into: S.
        dataset: Name of the data set.
        epochs: Passes over the training images.
        published_error: The paper's top-1 error in percent; None for a recipe that is not its.
    """

    name: str
    network: str
    into: int
    dataset: str
    epochs: int
    published_error: float | None


def describe_recipes() -> list[ListedRecipe]:
    """Every recipe: the paper's in the order of its tables, then the others."""
    papers = {each.recipe: _of_paper(each) for each in PUBLISHED}
    others = [_of_file(name) for name in list_recipes() if name not in papers]
    return [*papers.values(), *others]


def _of_paper(result: PublishedResult) -> ListedRecipe:
    return ListedRecipe(
        name=result.recipe,
        network=result.network,
        into=result.into,
        dataset=result.dataset,
        epochs=result.epochs,
        published_error=result.error,
    )


def _of_file(name: str) -> ListedRecipe:
    experiment = load_recipe(name)
    return ListedRecipe(
        name=name,
        network=experiment.network,
        into=experiment.into,
        dataset=experiment.data.dataset,
        epochs=experiment.epochs,
        published_error=None,
    )


def rows_with(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    """The rows that have every value that is wanted; None wants nothing.

    Raises:
        ConfigError: None is left; the values that there are are listed.
    """
    left, given = list(rows), ""
    for name, value in wanted.items():
        if value is None:
            continue
        known = sorted({getattr(row, name) for row in left})
        left = [row for row in left if getattr(row, name) == value]
        if not left:
            raise ConfigError(
                f"{name}={value!r} finds nothing{given}: use one of {', '.join(map(str, known))}"
            )
        given += f" with {name}={value!r}"
    return left
