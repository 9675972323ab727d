"""``cotrain assemble``: the networks of several runs as one ensemble."""

import json as json_format
from pathlib import Path
from typing import Literal

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import output_folder
from cotrain.cli.verbs.arguments import checked_device
from cotrain.config.combining import Combine


def assemble(
    *,
    runs: tuple[str, ...] = (),
    output: str,
    select: Literal["all", "greedy"] = "all",
    weights: Literal["auto", "equal", "fitted"] = "auto",
    combine: Combine = "mean_logits",
    batch_size: int | None = None,
    device: str = "cpu",
    json: bool = False,
) -> None:
    """Make the networks of trained runs, which may differ, one ensemble.

    The runs have held out the same images, and none has trained on what another held out; else
    they are refused. The validation images say what each network adds; the test images are
    answered once, by the ensemble.

    cotrain assemble runs/wide runs/deep runs/small --select greedy --output runs/assembled

    Args:
        runs: Run folders, as plain words.
        output: Folder of the ensemble to write, with assembly.json, split.jsonl and
            evaluation.json.
        select: All networks, or those that are picked greedily on the validation images, each as
            often as it helps (Caruana et al., 2004), which is its weight.
        weights: What each network counts: how often it was picked, or else equal (auto); equal;
            or fitted, with a temperature, to the images that the runs kept by --data.calibration,
            or else to the validation images. They are stored as the ensemble's calibration.
        combine: How the answers become one; only means have weights.
        batch_size: Images at once; as many as the first run trains with if not given.
        device: cpu or cuda.
        json: Print JSON instead of tables.
    """
    from cotrain.basics.files import write_json
    from cotrain.basics.run_folder import RunFolder
    from cotrain.cli.verbs.tested import loading
    from cotrain.ensemble.folder import holds_ensemble
    from cotrain.evaluation.assembling.of_runs import assemble_runs
    from cotrain.evaluation.evaluate import evaluate_ensemble
    from cotrain.evaluation.images import experiment_of
    from cotrain.report.assembling import assembling_tables
    from cotrain.report.style import display

    folder = RunFolder(output_folder(output))
    if folder.config.exists() or holds_ensemble(folder.root):
        raise ConfigError(f"--output {output} holds a run or an ensemble: choose another --output")
    how = loading(experiment_of(Path(runs[0])) if runs else None, None, batch_size)
    found = assemble_runs(
        runs,
        select=select,
        weights=weights,
        combine=combine,
        device=checked_device(device),
        **how._asdict(),
    )
    tested = None
    if found.splits.test is not None:
        tested = evaluate_ensemble(found.ensemble, found.splits, **how._asdict())
    found.split.write(folder.split)
    found.ensemble.cpu().save(folder.root)
    write_json(folder.root / "assembly.json", found.to_dict())
    if tested is not None:
        tested.write(folder)
    if json:
        print(json_format.dumps(found.to_dict(), indent=2))
        return
    display(*assembling_tables(found, None if tested is None else tested.evaluation.ensemble))
    print(f"ensemble: {output}")
