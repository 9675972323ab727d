"""``cotrain report``: a result as a page that one can show."""

from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import output_file
from cotrain.config import Data


def report(
    path: str, *, data: Data | None = None, device: str = "cpu", output: str | None = None
) -> None:
    """Write a run, a comparison or an ensemble as one HTML page: verdict, cost, trust, images.

    The page opens without a network, and in a mail; nothing but the file is needed. Its pictures
    are written beside it, too, as SVG and PNG.

    Args:
        path: A run folder, the folder of a comparison, or that of an ensemble.
        data: Images that the ensemble is to answer, for a page on these; a run and a comparison
            have answered theirs.
        device: Where it answers them: cpu or cuda.
        output: HTML file to write; if not given report.html in that folder, and report-DATASET.html
            for a page on other images.
    """
    from cotrain.cli.verbs.arguments import checked_device
    from cotrain.report.page.rendering import write_page
    from cotrain.report.page.subject import check_apart, page_of

    if data is None and device != "cpu":
        raise ConfigError(
            f"device={device} would be ignored, as nothing is left to be answered: leave it out, "
            "or give --data.dataset"
        )
    folder, data = Path(path), data and data.resolved()
    name = "report.html" if data is None else f"report-{data.dataset}.html"
    file = output_file(output if output is not None else folder / name)
    check_apart(folder, file, data)
    for written in write_page(page_of(folder, data, checked_device(device)), file):
        print(written)
