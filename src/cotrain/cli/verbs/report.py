"""``cotrain report``: a result as a page that one can show."""

from pathlib import Path

from cotrain.basics.output import output_file


def report(path: str, *, output: str | None = None) -> None:
    """Write a run or a comparison as one HTML page: verdict, cost, curves, trust, images.

    The page opens without a network, and in a mail; nothing but the file is needed. Its pictures
    are written beside it, too, as SVG and PNG.

    Args:
        path: A run folder, or the folder of a comparison.
        output: HTML file to write; report.html in that folder if not given.
    """
    from cotrain.report.page.rendering import write_page
    from cotrain.report.page.subject import check_apart, page_of

    folder = Path(path)
    file = output_file(output if output is not None else folder / "report.html")
    check_apart(folder, file)
    for written in write_page(page_of(folder), file):
        print(written)
