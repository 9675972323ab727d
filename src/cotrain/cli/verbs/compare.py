"""``cotrain compare``: large against divided."""

from pathlib import Path
from typing import Any, Literal

from cotrain.cli.verbs.arguments import numbers, on_cluster, one_large_network, whole_numbers
from cotrain.config import Experiment


def compare(
    *,
    output: str,
    sizes: int | str = "1,2,4",
    seeds: int | str = "0,1,2",
    independent: bool = True,
    ablation: str | None = None,
    sweep: float | str | None = None,
    varied: int | str | None = None,
    peers: str | None = None,
    mixed: str | None = None,
    jobs: int | None = None,
    budget_minutes: float | None = None,
    cluster: Literal["ray"] | None = None,
    cluster_gpus: float | None = None,
    only: str | None = None,
    **settings: Any,
) -> None:
    """Train the large network and S networks of the same cost, over several seeds, and compare.

    Args:
        output: Folder of the comparison; a comparison that was stopped is gone on with.
        sizes: The S to compare (--into is the same), 1 being the large network.
        seeds: One run for each.
        independent: Also train the largest S without the co-training loss.
        ablation: Also train the largest S without what the method has, one at a time: some of
            views,loss,init,separate.
        sweep: Also train the largest S with other weights of the co-training loss, such as
            0,0.1,0.5,2.
        varied: The S for which --independent, --ablation and --sweep hold, such as 2,4; the
            largest if not given.
        peers: Also train what else gives several answers at the large network's cost: some of
            packed,mimo, or with another number of answers packed:2,mimo:3, or with an input
            repetition mimo:2:0.6. They take the extra peers (pip install 'cotrain[peers]').
        mixed: Also train networks that differ, as they are, beside the large one, such as
            basic_resnet14_8+basic_resnet8_8; several with commas between.
        budget_minutes: A time; the first of the seeds are trained, as many as fit, after a few
            seconds of every candidate are measured. The same command goes on with the others.
        jobs: Runs at once; as many as there are cores, or GPUs, or as fit on the cluster, if not
            given.
        cluster: ray trains every run as a task of the Ray cluster that RAY_ADDRESS names, or that
            runs here, or else of this machine alone; each takes --hardware.threads cores (1), or
            --data.workers where these are more. All machines must share the folder. It takes the
            extra cluster (pip install 'cotrain[cluster]').
        cluster_gpus: GPUs of a run on the cluster, such as 0.5; 1 where it has some, if not given.
        only: 2/12 trains the second of twelve shares of the runs, beside others that train theirs
            into the same folder, and compares nothing yet.
    """
    from cotrain.comparison.accuracy.all_candidates import all_candidates
    from cotrain.comparison.accuracy.compare import compare as run_comparison
    from cotrain.comparison.accuracy.only import read_only, train_only
    from cotrain.report.accuracy import write_comparison
    from cotrain.report.accuracy_tables import comparison_tables
    from cotrain.report.style import display

    one_large_network(settings)
    experiment, seed_list = Experiment(**settings), whole_numbers("seeds", seeds)
    asked: dict[str, Any] = {
        "into": whole_numbers("into", sizes),
        "seeds": seed_list,
        "independent": independent,
        "ablations": ablation.split(",") if ablation else (),
        "sweep": () if sweep is None else numbers("sweep", sweep),
        "varied": () if varied is None else whole_numbers("varied", varied),
        "peers": peers.split(",") if peers else (),
        "mixed": mixed.split(",") if mixed else (),
    }
    place = on_cluster(cluster, cluster_gpus)
    if only is not None:
        part = read_only(only, budget_minutes=budget_minutes, cluster=cluster)
        candidates = all_candidates(experiment, **asked)
        train_only(part, experiment, candidates, seed_list, output, jobs=jobs)
        print(f"{part} is trained: when all are, the same command without --only compares them")
        return
    comparison = run_comparison(
        experiment, output, **asked, jobs=jobs, budget_minutes=budget_minutes, cluster=place
    )
    write_comparison(comparison, Path(output))
    display("\n".join(comparison.verdict), *comparison_tables(comparison))
    if comparison.left_out:
        left_out = ", ".join(map(str, comparison.left_out))
        print(f"left out, for lack of time: seed {left_out}: the same command goes on with it")
