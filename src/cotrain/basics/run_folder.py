"""A run's folder: what stands where, whether a run was begun there, and how it came out."""

from dataclasses import dataclass
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.reading import read_json
from cotrain.basics.records import record_from


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run's ensemble did on the test images.

    Args:
        top1: Share of them that it answers right.
        images: How many there are.
    """

    top1: float
    images: int


@dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    Args:
        root: The folder that ``--output`` names.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The resolved settings, written first."""
        return self.root / "config.yaml"

    @property
    def split(self) -> Path:
        """Which images are trained on, select and test; written before ``config``."""
        return self.root / "split.jsonl"

    @property
    def data(self) -> Path:
        """What the data are, as the user was told."""
        return self.root / "data.json"

    @property
    def checkpoint(self) -> Path:
        """The newest training state; the one before stands beside it."""
        return self.root / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        """The ensemble of the best validation so far."""
        return self.root / "checkpoints" / "best"

    @property
    def ensemble(self) -> Path:
        """The ensemble that the run ships; written when training is done."""
        return self.root / "ensemble"

    @property
    def metrics(self) -> Path:
        """One row an epoch."""
        return self.root / "metrics.csv"

    @property
    def evaluation(self) -> Path:
        """The result on the test images; written last."""
        return self.root / "evaluation.json"

    @property
    def predictions(self) -> Path:
        """Logits and targets of the test images."""
        return self.root / "predictions.safetensors"

    @property
    def answers(self) -> Path:
        """The answer to every test image that is a file, as a table."""
        return self.root / "predictions.csv"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's events."""
        return self.root / "tensorboard"

    @property
    def seconds(self) -> Path:
        """How long training took; a comparison writes it where nothing interrupted it."""
        return self.root / "seconds.json"

    @property
    def bank(self) -> Path:
        """What networks that are trained apart tell each other; beside the runs of all of them."""
        return self.root.parent / "bank"

    def of_member(self, number: int) -> "RunFolder":
        """The run, below this folder, of one of the networks that are trained apart."""
        return RunFolder(self.root / f"member{number}")

    def epochs_done(self) -> int:
        """How many epochs ``metrics`` has a row of."""
        if not self.metrics.is_file():
            return 0
        return len(self.metrics.read_bytes().splitlines()) - 1  # without its header

    def check_begun(self, flag: str = "") -> None:
        """Raise ConfigError if no run was begun here.

        Args:
            flag: The flag that names the folder, such as ``--resume``.
        """
        if not self.config.is_file():
            named = f"{flag} {self.root}".lstrip()
            raise ConfigError(f"{named}: there is no run: it has no {self.config.name}")

    def outcome(self) -> Outcome | None:
        """What ``evaluation`` says; None where the run was not tested.

        Raises:
            ConfigError: It is damaged.
        """
        if not self.evaluation.is_file():
            return None
        try:
            record = read_json(self.evaluation)
            values = {"top1": record["ensemble"]["top1"], "images": record["images"]}
            return record_from(Outcome, values)
        except (ConfigError, KeyError, TypeError) as problem:
            reason = f"no {problem}" if isinstance(problem, KeyError) else problem
            raise ConfigError(
                f"{self.evaluation} is damaged ({reason}): write it again with "
                f"cotrain evaluate {self.root} --output {self.evaluation}"
            ) from None

    def check_folders(self) -> None:
        """Raise ConfigError if something else stands where a folder of the run has its place."""
        for path in (self.tensorboard, self.checkpoint.parent, self.best, self.ensemble):
            if path.exists() and not path.is_dir():
                raise ConfigError(f"{path} is no folder: move it out of the run's way")

    def remove_leftovers(self) -> None:
        """Remove the files that a killed process was still writing."""
        for folder in (self.root, self.checkpoint.parent, self.best, self.ensemble):
            for path in folder.glob("*.tmp"):
                path.unlink()


def possible_runs(path: Path) -> tuple[RunFolder, RunFolder]:
    """The runs that a path may lie in: the folder itself, or the one around it."""
    return RunFolder(path), RunFolder(path.resolve().parent)


def runs_shipping(path: Path) -> tuple[RunFolder, ...]:
    """The runs whose ensemble a path may mean: itself, or the one whose ``ensemble/`` it is.

    Whatever else lies in a run's folder, such as a file that was exported, answers otherwise.
    """
    own, around = possible_runs(path)
    return (own, around) if around.ensemble == path.resolve() else (own,)


def tested_run(path: Path) -> RunFolder | None:
    """The run whose ensemble a path means, if it has kept its answers to its test images."""
    return next((run for run in runs_shipping(path) if run.predictions.is_file()), None)
