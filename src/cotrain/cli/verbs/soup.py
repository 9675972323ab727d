"""``cotrain soup``: one set of weights from several runs that share a start."""

import json as json_format

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import output_folder
from cotrain.cli.verbs.arguments import checked_device


def soup(
    *,
    runs: tuple[str, ...] = (),
    output: str,
    networks: bool = False,
    device: str = "cpu",
    json: bool = False,
) -> None:
    """Average the weights of runs that share a start, as long as the validation does not fall.

    The runs are tried from the best on (a greedy soup, arXiv:2203.05482); BatchNorm's statistics
    are taken anew from training images. Where every average answers far worse than its runs, as
    of runs that began with weights of their own, it is refused. The soup is tested once.

    cotrain soup runs/tuned-1 runs/tuned-2 runs/tuned-3 --output runs/soup

    Args:
        runs: Run folders, as plain words.
        output: Folder of the ensemble to write, with soup.json and evaluation.json.
        networks: Average the S networks of the one run that is given into one network.
        device: cpu or cuda.
        json: Print JSON instead of a table.
    """
    from cotrain.basics.files import write_json
    from cotrain.basics.run_folder import RunFolder
    from cotrain.ensemble.folder import holds_ensemble
    from cotrain.evaluation.evaluate import evaluate_ensemble
    from cotrain.evaluation.soup import soup_of_networks, soup_of_runs
    from cotrain.report.soup import soup_table
    from cotrain.report.style import display

    folder = output_folder(output)
    if RunFolder(folder).config.exists() or holds_ensemble(folder):
        raise ConfigError(f"--output {output} holds a run or an ensemble: choose another --output")
    device = checked_device(device)
    if networks:
        if len(runs) != 1:
            raise ConfigError(f"--networks is of one run, not {len(runs)}: give one")
        made = soup_of_networks(runs[0], device=device)
    else:
        made = soup_of_runs(runs, device=device)
    record, tested = made.to_dict(), None
    if made.splits.test is not None:
        tested = evaluate_ensemble(
            made.ensemble, made.splits, batch_size=made.experiment.batch_size
        )
    made.ensemble.cpu().save(folder)
    write_json(folder / "soup.json", record)
    if tested is not None:
        tested.write(RunFolder(folder))
    if json:
        print(json_format.dumps(record, indent=2))
        return
    display(soup_table(made, None if tested is None else tested.evaluation.ensemble))
    print(f"ensemble: {output}")
