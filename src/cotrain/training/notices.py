"""What training tells the user, in lines that nobody need read."""

from contextlib import suppress

from pytorch_lightning.utilities import rank_zero_only


@rank_zero_only
def say(notice: str) -> None:
    """Tell the user something about the run, in one line."""
    print_line(f"cotrain: {notice}")


def print_line(line: str) -> None:
    """Training does not end because its reader is gone, or the disk of its log is full."""
    with suppress(OSError):
        print(line, flush=True)
