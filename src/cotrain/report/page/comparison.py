"""The page of a comparison: large against divided."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from cotrain.basics.errors import ConfigError
from cotrain.basics.machine import __version__
from cotrain.basics.reading import read_json
from cotrain.basics.records import record_from
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.compare import Comparison
from cotrain.evaluation.uncertainty.reliability import reliability_bins
from cotrain.evaluation.uncertainty.selection import risk_coverage
from cotrain.evaluation.uncertainty.uncertainty import curve_points
from cotrain.report.accuracy import draw_comparison
from cotrain.report.accuracy_tables import comparison_tables
from cotrain.report.page.answered import Answered, open_run
from cotrain.report.page.contents import Page, Picture, Section, Spot
from cotrain.report.page.curves import comparing_curves, read_metrics
from cotrain.report.page.disputes import disputes
from cotrain.report.page.drawing import new_figure
from cotrain.report.page.tradeoff import Offer, tradeoff_picture
from cotrain.report.page.trust import coverage_picture, reliability_picture
from cotrain.report.pictures import add_legend
from cotrain.report.style import new_table

RECORD = "comparison.json"


def comparison_page(path: Path) -> Page:
    """What a comparison came to.

    Args:
        path: Its folder.

    Raises:
        ConfigError: Its record is missing or damaged, or one of its runs is.
    """
    comparison = _read(path / RECORD)
    runs = _runs(comparison, path)
    experiment = comparison.experiment
    sections = [_costs(comparison), _training(runs)]
    opened = {name: [open_run(folder) for folder in each] for name, each in runs.items()}
    if opened:
        sections += [_trust(opened), _classes(opened)]
        sections += [found] if (found := disputes(opened)) else []
    return Page(
        title=f"{experiment.network} divided, on {experiment.data.dataset}",
        verdict=comparison.verdict,
        sections=sections,
        footer=f"Comparison {path.resolve().name}, seeds {', '.join(map(str, comparison.seeds))}; "
        f"{comparison.machine}; cotrain {__version__}.",
    )


def _read(path: Path) -> Comparison:
    try:
        return record_from(Comparison, read_json(path))
    except ConfigError as error:
        raise ConfigError(
            f"{path} is of another version, or damaged ({error}): "
            "run the same cotrain compare again, which trains nothing anew"
        ) from None


def _runs(comparison: Comparison, path: Path) -> dict[str, list[Path]]:
    """The folders of the runs that are still there, by the name of the candidate."""
    named = {
        each.name: [path / f"{each.slug}-seed{seed}" for seed in comparison.seeds]
        for each in comparison.candidates
    }
    there = {
        name: [each for each in folders if RunFolder(each).predictions.is_file()]
        for name, folders in named.items()
    }
    return {name: folders for name, folders in there.items() if folders}


def _costs(comparison: Comparison) -> Section:
    pictures = [_at_equal_cost(comparison)]
    for place, latency in enumerate(comparison.candidates[0].latencies):
        size = latency.batch_size
        what = f"ms per image in batches of {size}"
        offers = _offers(comparison, place)
        pictures.append(tradeoff_picture(f"error-latency-{size}", what, offers))
    tables = comparison_tables(comparison)
    return Section(title="Error and cost", pictures=pictures, tables=tables)


def _at_equal_cost(comparison: Comparison) -> Picture:
    """The comparison's own picture, at the page's size."""
    figure, axes = new_figure()
    places = draw_comparison(axes, comparison)
    axes.set_title("")
    add_legend(figure, columns=2)
    spots = [
        Spot(axes, x, y, f"{each.name}: error {y:.2f} %, {each.cost.macs / 1e6:.4g} million MACs")
        for each, (x, y) in zip(comparison.candidates, places, strict=True)
    ]
    return Picture(
        name="error-macs",
        title="Error against MACs",
        alt="Test error at about equal cost. " + " ".join(f"{spot.text}." for spot in spots),
        figure=figure,
        spots=spots,
    )


def _offers(comparison: Comparison, latency: int) -> list[Offer]:
    return [
        Offer(
            name=each.name,
            cost=each.latencies[latency].per_image_ms,
            error=each.given.error.mean,
            std=each.given.error.std,
        )
        for each in comparison.candidates
    ]


def _training(runs: Mapping[str, Sequence[Path]]) -> Section:
    metrics = {
        name: [found for folder in each if (found := read_metrics(RunFolder(folder).metrics))]
        for name, each in runs.items()
    }
    pictures = comparing_curves({name: each for name, each in metrics.items() if each})
    says = ["The mean over the seeds."] if pictures else ["Its runs are gone: there are no curves."]
    return Section(title="How training went", says=says, pictures=pictures)


def _trust(opened: Mapping[str, Sequence[Answered]]) -> Section:
    log_p = {name: torch.cat([run.log_p for run in each]) for name, each in opened.items()}
    targets = {name: torch.cat([run.targets for run in each]) for name, each in opened.items()}
    bins = {name: reliability_bins(log_p[name], targets[name]) for name in opened}
    curves = {}
    for name in opened:
        confidence, label = log_p[name].exp().max(-1)
        curves[name] = curve_points(risk_coverage(-confidence, label != targets[name]))
    return Section(
        title="How far they can be trusted",
        says=["Answers of all seeds together."],
        pictures=[reliability_picture(bins), coverage_picture(curves)],
    )


def _classes(opened: Mapping[str, Sequence[Answered]]) -> Section:
    labels = next(iter(opened.values()))[0].labels
    table = new_table("class", *opened, title="recall %, mean over the seeds")
    recalls = [np.mean([_recalls(run) for run in each], axis=0) * 100 for each in opened.values()]
    for label, *row in zip(labels, *recalls, strict=True):
        cells = ["-" if np.isnan(each) else f"{each:.2f}" for each in row]
        table.add_row(label, *cells)
    return Section(title="Class by class", tables=[table])


def _recalls(run: Answered) -> list[float]:
    classes = run.evaluation.by_class.classes
    return [np.nan if each.recall is None else each.recall for each in classes]
