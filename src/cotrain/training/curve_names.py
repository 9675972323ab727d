"""The names of the curves that loggers show, in groups."""

# Beside those of the accuracies and losses, which are named train_... and val_...
_GROUPS = {
    "learning_rate": "schedule",
    "co_training_weight": "schedule",
    "epoch": "run",
    "skipped_steps": "run",
    "others_known": "exchange",
    "others_lag": "exchange",
    "train_disagreement": "diversity",
    "val_disagreement": "diversity",
}


def grouped(row: dict[str, float]) -> dict[str, float]:
    """A row of ``metrics.csv`` by the names of the curves, such as ``accuracy/val``.

    The step is left out: it is where the curves' points stand.
    """
    return {_curve(name): value for name, value in row.items() if name != "step"}


def _curve(name: str) -> str:
    if name in _GROUPS:
        return f"{_GROUPS[name]}/{name}"
    part, _, what = name.partition("_")
    measure, _, network = what.partition("accuracy")
    if measure:
        return f"loss/{part}" if what == "loss" else f"loss/{part}_{what}"
    return f"accuracy/{part}" + (f"_network{network}" if network else "")
