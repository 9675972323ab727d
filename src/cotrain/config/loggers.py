"""Where the curves of a run are shown, beside ``metrics.csv``."""

from cotrain.basics.errors import ConfigError

LOGGERS = ("tensorboard", "csv", "wandb", "mlflow")


def chosen_loggers(text: str) -> tuple[str, ...]:
    """The loggers of a list such as ``tensorboard,wandb``.

    Raises:
        ConfigError: One that is not known, or twice the same.
    """
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in LOGGERS:
            raise ConfigError(f"logger={text}: {word!r} is none of {', '.join(LOGGERS)}: use these")
    if len(set(words)) < len(words):
        raise ConfigError(f"logger={text} names one twice: give each once")
    return words
