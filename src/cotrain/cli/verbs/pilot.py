"""``cotrain pilot``, which is ``cotrain plan --pilot``: a few short runs before the big one."""

import json as json_format
from pathlib import Path
from typing import Any, Literal

from cotrain.cli.verbs.arguments import on_cluster, one_large_network, whole_numbers
from cotrain.config import Experiment


def pilot(
    *,
    output: str,
    sizes: int | str = "1,2,4",
    seeds: int | str = "0,1,2",
    length: float = 0.3333,
    jobs: int | None = None,
    budget_minutes: float | None = None,
    cluster: Literal["ray"] | None = None,
    cluster_gpus: float | None = None,
    json: bool = False,
    **settings: Any,
) -> None:
    """Train each S in a part of the epochs, and say which is ahead before the big run.

    ``cotrain plan --pilot`` is the same. Settings are those of the big run: its whole schedule is
    shortened, and every run is tested once, on images held out of the training images. The test
    images are left alone.

    cotrain plan --pilot --config imagefolder --data.root photos --into 1,2,4 --output runs/pilot

    Args:
        output: Folder of the runs, of pilot.json and of the big run's recipe.yaml; a pilot that was
            stopped is gone on with.
        sizes: The S to choose from (--into is the same), 1 being the large network.
        seeds: One run of each S for each.
        length: Share of the epochs that each run has.
        jobs: Runs at once; as many as there are cores, or GPUs, if not given.
        budget_minutes: A time; the first of the seeds are trained, as many as fit.
        cluster: ray trains every run as a task of a Ray cluster, as in cotrain compare.
        cluster_gpus: GPUs of a run on the cluster, such as 0.5; 1 where it has some, if not given.
        json: Print JSON instead of a table.
    """
    from cotrain.planning.pilot.pilot import pilot as run_pilot
    from cotrain.report.pilot import pilot_remarks, pilot_table, write_pilot
    from cotrain.report.style import display

    one_large_network(settings)
    result = run_pilot(
        Experiment(**settings),
        output,
        into=whole_numbers("into", sizes),
        seeds=whole_numbers("seeds", seeds),
        length=length,
        jobs=jobs,
        budget_minutes=budget_minutes,
        cluster=on_cluster(cluster, cluster_gpus),
    )
    write_pilot(result, Path(output))
    if json:
        print(json_format.dumps(result.to_dict(), indent=2))
        return
    display("\n".join(result.verdict), pilot_table(result))
    print(*pilot_remarks(result), sep="\n")
