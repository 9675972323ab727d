"""The command as a process of its own."""

import subprocess
import sys
from typing import Any

# A training of a second, of the digits.
TRAIN = (
    *("--config", "digits", "--network", "basic_resnet8_4", "--into", "2", "--epochs", "2"),
    *("--batch-size", "16", "--data.train_images", "64", "--data.test_images", "40"),
    *("--hardware.accelerator", "cpu"),
)


def start(*words: object, **popen: Any) -> subprocess.Popen:
    """Begin the command; its output is text that can be read, if nothing else is said."""
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **popen}
    return subprocess.Popen([sys.executable, "-m", "cotrain", *map(str, words)], **settings)


def call(*words: object, **popen: Any) -> tuple[int, str, str]:
    """Run the command: its exit code, what it printed, what it complained of."""
    process = start(*words, **popen)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err
