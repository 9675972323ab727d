"""What a page can be of: a run, a comparison, or an ensemble that answers some images."""

from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import check_outside
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data
from cotrain.config.recipes import load_recipe
from cotrain.data.datasets import check_outside_images
from cotrain.ensemble.folder import holds_ensemble
from cotrain.report.page.answered import answer, open_run
from cotrain.report.page.comparison import RECORD, comparison_page
from cotrain.report.page.contents import Page
from cotrain.report.page.ensemble import ensemble_page


def page_of(path: Path, data: Data | None = None, device: str = "cpu") -> Page:
    """The page of what stands in a folder.

    Args:
        path: The folder.
        data: Images that the ensemble there is to answer; what it has answered already if None.
        device: Where it answers them.

    Raises:
        ConfigError: Nothing that has a page does, or it is damaged; or there is no such image.
    """
    if data is not None:
        return ensemble_page(answer(path, data, device))
    if (path / RECORD).is_file():
        return comparison_page(path)
    if holds_ensemble(path):
        raise ConfigError(
            f"{path} is an ensemble without answers: give the images that it should answer, "
            "--data.dataset and --data.root"
        )
    if not RunFolder(path).config.is_file():
        raise ConfigError(
            f"{path} is no run, and no comparison that has ended: it has no config.yaml and no "
            f"{RECORD}: give the --output of cotrain train or cotrain compare"
        )
    return ensemble_page(open_run(path))


def check_apart(path: Path, file: Path, data: Data | None = None) -> None:
    """Raise ConfigError where the pictures of a page would lie among the images of its run."""
    config = RunFolder(path).config
    root = load_recipe(config).data.root if config.is_file() else None
    if root is not None:
        check_outside(file, root)
    if data is not None:
        check_outside_images(file, data)
