"""The page of one ensemble: of its run, or of its answers to other images."""

from cotrain.basics.errors import ConfigError
from cotrain.basics.machine import __version__
from cotrain.ensemble.cost import cost_of
from cotrain.report.division import cost_table
from cotrain.report.evaluation import class_table, confusion_table, evaluation_table
from cotrain.report.page.answered import Answered, TrainedRun
from cotrain.report.page.contents import Matrix, Page, Section
from cotrain.report.page.copies import copies
from cotrain.report.page.curves import curves, read_metrics
from cotrain.report.page.fewer import fewer_networks_picture
from cotrain.report.page.gallery import galleries
from cotrain.report.page.trust import coverage_picture, reliability_picture
from cotrain.report.uncertainty import cautions, uncertainty_tables

_LARGEST_SHOWN = 20  # classes of a matrix that is still read at a glance


def ensemble_page(answered: Answered) -> Page:
    """What a finished run came to, or what an ensemble answers to other images."""
    spec, run = answered.networks.spec, answered.run
    divided = "" if spec.divided is None else f" into {spec.into}"
    return Page(
        title=f"{spec.arch}{divided} on {answered.dataset}",
        verdict=_verdict(answered),
        sections=[
            _answers(answered),
            _cost(answered),
            *([] if run is None else [_training(run)]),
            _trust(answered),
            _classes(answered),
            _images(answered),
        ],
        footer=f"{answered.source}; cotrain {__version__}.",
    )


def _verdict(answered: Answered) -> list[str]:
    """The result in plain sentences."""
    found = answered.evaluation
    spec, scores = answered.networks.spec, found.ensemble
    into = spec.into
    alone = [100 * each.top1 for each in found.networks]
    small = "One network" if spec.divided is None else "One small network"
    one = "The large network" if spec.is_large else small
    who = f"{one} answers" if into == 1 else f"{into} networks together answer"
    said = [f"{who} {100 * scores.top1:.2f} % of {found.images:,} images right."]
    if into > 1:
        mean = sum(alone) / into
        said.append(
            f"One of them alone answers {mean:.2f} % on average, from {min(alone):.2f} to "
            f"{max(alone):.2f} %; together it is {100 * scores.top1 - mean:+.2f} points. "
            f"{_costs(answered)}"
        )
    said.append(_believed(answered))
    if answered.tested_on == "val":
        said.append("The images have selected the checkpoint, too: others will be answered worse.")
    if answered.loaded is not None and answered.loaded.summary is not None:
        said += [f"Note: {note}." for note in answered.loaded.summary.notes]
    if spec.divided is not None:
        said.append(
            "Whether this is better than the large network, cotrain compare says, which trains "
            "both."
        )
    return said


def _costs(answered: Answered) -> str:
    spec = answered.networks.spec
    if spec.divided is None:
        return (
            f"None was divided; all have {spec.params:,} parameters, and an image takes "
            f"{spec.macs:,} multiply-accumulates (MACs)."
        )
    cost = cost_of(answered.networks)
    return (
        f"All cost {cost.params_ratio:.2f} times the parameters and {cost.macs_ratio:.2f} times "
        "the multiply-accumulates (MACs) of the large network."
    )


def _believed(answered: Answered) -> str:
    found = answered.evaluation
    said = f"Its probabilities are off by {100 * found.ensemble.ece:.2f} points on average (ECE)"
    if found.uncalibrated is not None:
        return f"{said}; before calibration by {100 * found.uncalibrated.ece:.2f}."
    return f"{said}; cotrain calibrate may make that less."


def _cost(answered: Answered) -> Section:
    pictures = [fewer_networks_picture(answered)] if answered.networks.spec.into > 1 else []
    return Section(title="What it costs", pictures=pictures, tables=[cost_table(answered.networks)])


def _answers(answered: Answered) -> Section:
    table = evaluation_table(answered.evaluation, answered.networks.spec)
    return Section(title="How good the answers are", tables=[table])


def _training(run: TrainedRun) -> Section:
    pictures = curves(read_metrics(run.folder.metrics))
    says = [] if pictures else ["The run has no metrics.csv: there are no curves."]
    return Section(title="How training went", says=says, pictures=pictures)


def _trust(answered: Answered) -> Section:
    found = answered.uncertainty
    return Section(
        title="How far it can be trusted",
        says=cautions(answered.run and answered.run.experiment),
        pictures=[
            reliability_picture(found.bins),
            coverage_picture({"the ensemble": found.curve}, found.abstention),
        ],
        tables=uncertainty_tables(found),
    )


def _classes(answered: Answered) -> Section:
    by_class = answered.evaluation.by_class
    few = len(by_class.classes) <= _LARGEST_SHOWN and by_class.confusion_matrix is not None
    matrices = (
        [Matrix(labels=answered.labels, counts=by_class.confusion_matrix or ())] if few else []
    )
    return Section(
        title="Class by class",
        matrices=matrices,
        tables=[confusion_table(by_class), class_table(by_class)],
    )


def _images(answered: Answered) -> Section:
    """Galleries where the images can still be had; else why not."""
    title = "Images"
    try:
        said, pairs = copies(answered)
        return Section(title=title, says=[said], galleries=[*galleries(answered), *pairs])
    except ConfigError as error:
        return Section(title=title, says=[f"The images cannot be shown: {error}."])
