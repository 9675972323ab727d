"""What ``cotrain --help`` says: what it is, three examples, the verbs."""

from cotrain.cli.verbs import VERBS

_HEAD = """\
cotrain replaces one large network by S small ones of the same cost, trains them together, and
answers with their average.

usage: cotrain VERB [ARGUMENTS]

  cotrain divide wide_resnet28_10 --into 1,2,4
      what a network costs, whole and divided
  cotrain train --config imagefolder --data.root photos --into 2 --output run
      divide, co-train and evaluate, on a folder of images
  cotrain predict run photo.jpg
      label, probability, and how far the networks agree

verbs:
"""
_TAIL = """
cotrain VERB --help has a verb's arguments; cotrain --version the version;
eval "$(cotrain completion bash)" makes the shell complete verbs and flags (or zsh).
"""


def overview() -> str:
    """The text, with the first sentence of every verb's own help."""
    width = max(map(len, VERBS)) + 2
    rows = (f"  {name:{width}}{_first_line(verb.__doc__)}" for name, verb in VERBS.items())
    return _HEAD + "\n".join(rows) + "\n" + _TAIL


def _first_line(docstring: str | None) -> str:
    return (docstring or "").partition("\n")[0]
