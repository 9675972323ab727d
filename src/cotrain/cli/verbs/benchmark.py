"""``cotrain benchmark``: how fast networks and ensembles answer."""

import json as json_format

from cotrain.basics.output import output_folder
from cotrain.cli.verbs.arguments import checked_device, some_of, whole_numbers


def benchmark(
    *,
    targets: tuple[str, ...] = (),
    into: int | str = "1,2,4",
    batch: int | str = "1,16,64,100",
    device: str = "cpu",
    execution: str = "all",
    acceleration: str = "none,light",
    dataset: str | None = None,
    image_size: int | None = None,
    rounds: int = 20,
    trust: bool = False,
    output: str | None = None,
    json: bool = False,
) -> None:
    """Measure how fast networks, ensembles and exported files answer, in turns.

    All that is given is timed beside its large network, warm, in one interleaved run; loading
    images is left out. Two ceilings stand beside each ensemble: (a) the slowest of its networks
    alone, which is what a device for each would give; (b) its networks as independent processes on
    the same hardware. What is not possible on it is listed with the reason.

    cotrain benchmark wide_resnet16_4 --into 1,4 --batch 1,64 --execution loop,threads

    Args:
        targets: What to measure, as plain words: names of networks, which are timed whole and
            divided; folders of runs, ensembles or comparisons; exported files.
        into: Each S that a named network is divided into.
        batch: Images at once, one or several such as 1,16,64,100.
        device: cpu or cuda.
        execution: all; or some of loop, threads, streams, cuda_graphs, stacked, devices, and auto,
            which measures them first and takes the fastest.
        acceleration: Of each network, some of: none; light (channels_last, BatchNorm folded);
            compile (light and torch.compile), which takes minutes; bf16 and fp16 (light, and
            answers that are not exact: evaluate --dtype says how far off). Or all: the exact ones.
        dataset: Layout and images of named networks: cifar10, cifar100, svhn or imagenet.
        image_size: Pixels of named networks; the data set's, or the network's own, if not given.
        rounds: Timed passes of each; their median and interquartile range are shown.
        trust: Open a .pt2 file, which can run any program: only one of somebody you trust.
        output: Folder to write benchmark.json and benchmark.png to.
        json: Print JSON instead of tables.
    """
    from cotrain.comparison.speed import EXACT_LEVELS, HALF_LEVELS, STRATEGIES, Plan, find_targets
    from cotrain.comparison.speed import benchmark as measure
    from cotrain.report.speed import benchmark_notes, benchmark_tables, write_benchmark
    from cotrain.report.style import display

    folder = None if output is None else output_folder(output)
    plan = Plan(
        batch_sizes=whole_numbers("batch", batch),
        strategies=some_of("execution", execution, STRATEGIES, extra=("auto",)),
        levels=some_of("acceleration", acceleration, EXACT_LEVELS, extra=HALF_LEVELS),
        device=checked_device(device),
        rounds=rounds,
    )
    sizes = whole_numbers("into", into)
    found = find_targets(targets, into=sizes, dataset=dataset, image_size=image_size, trust=trust)
    result = measure(found, plan)
    if folder is not None:
        write_benchmark(result, folder)
    if json:
        print(json_format.dumps(result.to_dict(), indent=2))
        return
    display(*benchmark_tables(result), *benchmark_notes(result))
