"""``cotrain recipes``: what comes ready to run."""


def recipes() -> None:
    """List the recipes that come with cotrain, with the command that runs each."""
    from cotrain.recipes import list_recipes, recipe_path

    for name in list_recipes():
        print(recipe_path(name).read_text().splitlines()[0].removeprefix("# "))
