"""What a page can be of: a run or a comparison."""

from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import check_outside
from cotrain.basics.run_folder import RunFolder
from cotrain.config.recipes import load_recipe
from cotrain.report.page.comparison import RECORD, comparison_page
from cotrain.report.page.contents import Page
from cotrain.report.page.opened_run import open_run
from cotrain.report.page.run import run_page


def page_of(path: Path) -> Page:
    """The page of what stands in a folder.

    Raises:
        ConfigError: Nothing that has a page does, or it is damaged.
    """
    if (path / RECORD).is_file():
        return comparison_page(path)
    if not RunFolder(path).config.is_file():
        raise ConfigError(
            f"{path} is no run, and no comparison that has ended: it has no config.yaml and no "
            f"{RECORD}: give the --output of cotrain train or cotrain compare"
        )
    return run_page(open_run(path))


def check_apart(path: Path, file: Path) -> None:
    """Raise ConfigError where the pictures of a page would lie among the images of its run."""
    config = RunFolder(path).config
    root = load_recipe(config).data.root if config.is_file() else None
    if root is not None:
        check_outside(file, root)
