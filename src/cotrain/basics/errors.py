"""The errors a user can cause. The command prints their one line and exits with code 2."""


class CotrainError(Exception):
    """Something the user can put right; the message is one line and names the next step."""

    exit_code = 2


class ConfigError(CotrainError, ValueError):
    """An argument, a recipe key or a file that cannot be used as given."""


class TrainingError(CotrainError, RuntimeError):
    """Training cannot go on (NaN loss, full disk, damaged checkpoints); what was saved is kept."""


class IndivisibleError(ConfigError):
    """A family's rule has no network for this S; ``divide_spec`` adds the nearest S that works."""


class UnknownNetworkError(ConfigError):
    """No family knows the name in this layout."""


class Interrupted(CotrainError):  # noqa: N818 - not a fault
    """Ctrl-C, SIGTERM or their like ended training after its state was saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
