"""What else a comparison has trained beside a run."""

import re

from cotrain.basics.run_folder import RunFolder


def large_beside(run: RunFolder) -> RunFolder | None:
    """The large network that was compared with the run's ensemble, of the same seed.

    None where the run is of no comparison, is the large network, or that was not trained yet.
    """
    place = run.root.resolve()
    named = re.fullmatch(r"s\d+.*-(seed-?\d+)", place.name)
    if named is None:
        return None
    large = RunFolder(place.with_name(f"s1-{named[1]}"))
    return large if large.root != place and large.evaluation.is_file() else None
