"""``cotrain recipes``: what comes ready to run."""

import json as json_format
from dataclasses import asdict

from cotrain.basics.errors import ConfigError


def recipes(
    *,
    show: tuple[str, ...] = (),
    dataset: str | None = None,
    network: str | None = None,
    into: int | None = None,
    json: bool = False,
) -> None:
    """List the recipes that come with cotrain, with the paper's result beside each, or print one.

    Args:
        show: A recipe to print instead, to be edited: cotrain recipes digits > own.yaml.
        dataset: Only recipes for this data set, such as cifar100.
        network: Only recipes for this large network, such as wide_resnet28_10.
        into: Only recipes for this S.
        json: Print JSON instead of a table.
    """
    from cotrain.comparison.paper.listing import describe_recipes, rows_with
    from cotrain.config.recipes import recipe_text
    from cotrain.report.paper import recipes_table
    from cotrain.report.style import display

    filters = {"dataset": dataset, "network": network, "into": into}
    if show:
        name, *others = show
        if others or json or any(value is not None for value in filters.values()):
            raise ConfigError("cotrain recipes NAME prints that recipe: give one, and nothing else")
        print(recipe_text(name), end="")
        return
    rows = rows_with(describe_recipes(), **filters)
    if json:
        print(json_format.dumps([asdict(row) for row in rows], indent=2))
    else:
        display(recipes_table(rows))
