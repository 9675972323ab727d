"""Whether a pilot says what the big run shows: ``python benchmarks/pilot.py --runs FOLDER``.

On the digits: 200 images to train on, 600 that are held out, and the other 997 to test on, three
seeds, S = 1, 2, 4. Pilots of a sixth and of a third of the epochs choose on the held-out images;
then all candidates are compared in all epochs, on the test images. Runs in the folder are not
trained again.
"""

import argparse
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from common import write_results

from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.answers import read_answers
from cotrain.comparison.accuracy.compare import compare
from cotrain.comparison.accuracy.statistics import mean_difference
from cotrain.config.recipes import load_recipe
from cotrain.planning.pilot.leading import lead_of
from cotrain.planning.pilot.pilot import pilot

SEEDS, SIZES = (0, 1, 2), (1, 2, 4)
LENGTHS: Mapping[str, float] = {"a sixth": 1 / 6, "a third": 1 / 3}
# A network that is as wide as the demo's, and a narrow one.
NETWORKS = ("basic_resnet", "basic_resnet8_8")


def case(network: str, root: Path) -> dict[str, Any]:
    """What pilots say of a network, and what all epochs show."""
    overrides = ["data.train_images=800", "data.validation=0.75", f"network={network}"]
    experiment = load_recipe("digits", [*overrides, "hardware.accelerator=cpu"])
    shared: Any = {"into": SIZES, "seeds": SEEDS}
    compare(experiment, root / "compare", independent=False, **shared)
    names = {f"S={s}": [RunFolder(root / f"compare/s{s}-seed{k}") for k in SEEDS] for s in SIZES}
    tested = {n: each.given.errors for n, each in read_answers(names, {}).items()}
    pilots = {}
    for label, length in LENGTHS.items():
        result = pilot(experiment, root / label.replace(" ", "-"), length=length, **shared)
        tried = {each.name: each for each in result.candidates}
        pairs = list(combinations(tested, 2))
        pilots[label] = {
            "errors": {name: each.error.mean for name, each in tried.items()},
            "leader": result.lead.leader,
            "is_clear": result.lead.is_clear,
            "gap": vars(result.lead.gap) | {"variance": vars(result.lead.gap.variance)},
            "verdict": result.verdict,
            "pairs_in_order": sum(
                (tried[one].error.mean < tried[two].error.mean)
                == bool(tested[one].mean() < tested[two].mean())
                for one, two in pairs
            ),
            "pairs": len(pairs),
            "mean_seconds": mean(each.seconds or 0 for each in result.candidates),
        }
    lead = lead_of(tested)
    gaps = {
        f"{two} less {one}": vars(mean_difference(tested[two] - tested[one]))
        for one, two in combinations(tested, 2)
    }
    for each in gaps.values():
        each["variance"] = vars(each["variance"])
    return {
        "pilots": pilots,
        "all epochs": {
            "errors": {name: float(each.mean()) for name, each in tested.items()},
            "leader": lead.leader,
            "is_clear": lead.is_clear,
            "differences": gaps,
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    root = parser.parse_args().runs
    torch.set_num_threads(1)
    found = {network: case(network, root / network) for network in NETWORKS}
    for network, each in found.items():
        print(network, each["all epochs"]["errors"])
        for label, one in each["pilots"].items():
            print(" ", label, one["errors"], *one["verdict"], sep="\n    ")
    print(write_results("pilot", {"seeds": SEEDS, "results": found}))


if __name__ == "__main__":
    main()
