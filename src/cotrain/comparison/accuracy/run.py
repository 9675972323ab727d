"""One training of a comparison: what is trained, where, and how far it is."""

from dataclasses import dataclass
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write
from cotrain.basics.reading import read_json
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.config.difference import first_difference, record_settings
from cotrain.config.recipes import load_recipe


@dataclass(frozen=True, kw_only=True)
class Run:
    """One candidate trained with one seed.

    Args:
        candidate: The candidate's name.
        experiment: What to train, with the seed.
        folder: Where.
        split_of: Folder that remembers which image is in which part.
    """

    candidate: str
    experiment: Experiment
    folder: RunFolder
    split_of: Path

    def __str__(self) -> str:
        return f"{self.candidate} seed {self.experiment.seed}"

    def is_finished(self) -> bool:
        """Whether the folder holds the result already.

        Raises:
            ConfigError: The folder holds a run with other settings.
        """
        config = self.folder.config
        if config.exists():
            difference = first_difference(record_settings(load_recipe(config)), self.experiment)
            if difference is not None:
                raise ConfigError(
                    f"{self.folder.root} holds a run with {difference.name}: {difference.before}, "
                    f"not {difference.now}: choose another --output"
                )
        return self.folder.evaluation.exists()

    @property
    def seconds(self) -> float | None:
        """How long the training took; None if it was interrupted or not trained by a comparison.

        Raises:
            ConfigError: The file that says it is damaged.
        """
        path = self.folder.seconds
        if not path.exists():
            return None
        seconds = read_json(path)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
            raise ConfigError(f"{path} is damaged: it is no number of seconds: remove it")
        return seconds

    @property
    def epochs(self) -> int:
        """Epochs of the whole run; networks that train one at a time have all of them each."""
        together = self.experiment.co_training.together
        return self.experiment.epochs * (1 if together else self.experiment.into)

    @property
    def share_done(self) -> float:
        """Share of its epochs that it has made."""
        return self.folder.epochs_done() / self.epochs

    def keep_seconds(self, seconds: float) -> None:
        """Write what ``seconds`` reads."""
        atomic_write(self.folder.seconds, f"{seconds:.2f}\n".encode())
