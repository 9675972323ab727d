"""``cotrain table``: the paper's tables, and how close one's own runs come."""

import json as json_format
from pathlib import Path


def table(
    *,
    runs: tuple[str, ...] = (),
    dataset: str | None = None,
    network: str | None = None,
    into: int | None = None,
    json: bool = False,
) -> None:
    """Print the paper's tables: exact params and MACs, published error, and that of one's runs.

    Args:
        runs: Run folders to place beside the paper's rows: cotrain table runs/a runs/b.
        dataset: Only rows on this data set, such as cifar100.
        network: Only rows of this large network, such as wide_resnet28_10.
        into: Only rows with this S.
        json: Print JSON instead of tables.
    """
    from cotrain.comparison.paper.listing import rows_with
    from cotrain.comparison.paper.reproduction import finished_run, reproduce
    from cotrain.config.published import PUBLISHED
    from cotrain.report.paper import paper_tables
    from cotrain.report.style import display

    results = rows_with(PUBLISHED, dataset=dataset, network=network, into=into)
    reproduction = reproduce(results, [finished_run(Path(run)) for run in runs])
    if json:
        print(json_format.dumps(reproduction.to_dict(), indent=2))
        return
    display(*paper_tables(reproduction))
