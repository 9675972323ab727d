"""The page of one run."""

from cotrain.basics.errors import ConfigError
from cotrain.basics.machine import __version__
from cotrain.ensemble.cost import cost_of
from cotrain.evaluation.images import images_to_test
from cotrain.report.division import cost_table
from cotrain.report.evaluation import class_table, confusion_table, evaluation_table
from cotrain.report.page.contents import Matrix, Page, Section
from cotrain.report.page.curves import curves, read_metrics
from cotrain.report.page.fewer import fewer_networks_picture
from cotrain.report.page.gallery import Answered, galleries
from cotrain.report.page.opened_run import OpenedRun
from cotrain.report.page.trust import coverage_picture, reliability_picture
from cotrain.report.uncertainty import cautions, uncertainty_tables

_LARGEST_SHOWN = 20  # classes of a matrix that is still read at a glance


def run_page(run: OpenedRun) -> Page:
    """What a finished run came to."""
    experiment = run.experiment
    sections = [
        _answers(run),
        _cost(run),
        _training(run),
        _trust(run),
        _classes(run),
        _images(run),
    ]
    return Page(
        title=f"{experiment.network} into {experiment.into} on {experiment.data.dataset}",
        verdict=_verdict(run),
        sections=sections,
        footer=f"Run {run.folder.root.resolve().name}, seed {experiment.seed}; "
        f"cotrain {__version__}.",
    )


def _verdict(run: OpenedRun) -> list[str]:
    """The result in plain sentences."""
    found, cost = run.evaluation, cost_of(run.ensemble)
    into, scores = run.experiment.into, found.ensemble
    alone = [100 * each.top1 for each in found.networks]
    who = "The large network answers" if into == 1 else f"{into} networks together answer"
    said = [f"{who} {100 * scores.top1:.2f} % of {found.images:,} images right."]
    if into > 1:
        mean = sum(alone) / into
        said.append(
            f"One of them alone answers {mean:.2f} % on average, from {min(alone):.2f} to "
            f"{max(alone):.2f} %; together it is {100 * scores.top1 - mean:+.2f} points. All cost "
            f"{cost.params_ratio:.2f} times the parameters and {cost.macs_ratio:.2f} times the "
            "multiply-accumulates (MACs) of the large network."
        )
    said.append(_believed(run))
    if run.tested_on == "val":
        said.append("The images have selected the checkpoint, too: others will be answered worse.")
    said.append(
        "Whether this is better than the large network, cotrain compare says, which trains both."
    )
    return said


def _believed(run: OpenedRun) -> str:
    found = run.evaluation
    said = f"Its probabilities are off by {100 * found.ensemble.ece:.2f} points on average (ECE)"
    if found.uncalibrated is not None:
        return f"{said}; before calibration by {100 * found.uncalibrated.ece:.2f}."
    return f"{said}; cotrain calibrate may make that less."


def _cost(run: OpenedRun) -> Section:
    pictures = [fewer_networks_picture(run)] if run.experiment.into > 1 else []
    return Section(title="What it costs", pictures=pictures, tables=[cost_table(run.ensemble)])


def _answers(run: OpenedRun) -> Section:
    return Section(title="How good the answers are", tables=[evaluation_table(run.evaluation)])


def _training(run: OpenedRun) -> Section:
    pictures = curves(read_metrics(run.folder.metrics))
    says = [] if pictures else ["The run has no metrics.csv: there are no curves."]
    return Section(title="How training went", says=says, pictures=pictures)


def _trust(run: OpenedRun) -> Section:
    found = run.uncertainty
    return Section(
        title="How far it can be trusted",
        says=cautions(run.experiment),
        pictures=[
            reliability_picture(found.bins),
            coverage_picture({"the ensemble": found.curve}, found.abstention),
        ],
        tables=uncertainty_tables(found),
    )


def _classes(run: OpenedRun) -> Section:
    by_class = run.evaluation.by_class
    few = len(by_class.classes) <= _LARGEST_SHOWN and by_class.confusion_matrix is not None
    matrices = [Matrix(labels=run.labels, counts=by_class.confusion_matrix or ())] if few else []
    return Section(
        title="Class by class",
        matrices=matrices,
        tables=[confusion_table(by_class), class_table(by_class)],
    )


def _images(run: OpenedRun) -> Section:
    """A gallery where the images can still be had; else why not."""
    title = "Images"
    answered = Answered(
        logits=run.logits,
        log_p=run.log_p(),
        targets=run.targets,
        labels=run.labels,
    )
    try:
        images = images_to_test(run.folder.root, run.ensemble)
        return Section(title=title, galleries=galleries(answered, images))
    except ConfigError as error:
        return Section(title=title, says=[f"The images cannot be shown: {error}."])
