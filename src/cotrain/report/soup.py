"""What came of a soup, as a table."""

from cotrain.evaluation.scores import Scores
from cotrain.evaluation.soup import Ingredient, Soup
from cotrain.report.style import ResultTable, new_table


def soup_table(soup: Soup, tested: Scores | None) -> ResultTable:
    """One row for what was tried, in its order, and one for the soup.

    Args:
        soup: What was averaged.
        tested: Its scores on the test images; None where there are none.
    """
    taken = sum(each.taken for each in soup.ingredients)
    said = f"Validation images; {taken} of {len(soup.ingredients)} are in the soup"
    said += f". All began with {soup.start}." if soup.start else ", not known to share a start."
    if taken == 1:
        said += " No mean was as good as the first alone, which is the soup."
    if tested is not None:
        said += (
            f" On the test images the soup has top-1 {tested.top1:.2%} and NLL {tested.nll:.4f}."
        )
    table = new_table("", "alone\ntop-1 %", "NLL", "averaged\ntop-1 %", "NLL", "", caption=said)
    for each in soup.ingredients:
        table.add_row(each.name, *_cells(each.alone), *_cells(each.together), _verdict(each))
    table.add_section()
    table.add_row("soup", "", "", *_cells(soup.scores), "", style="bold")
    return table


def _cells(scores: Scores | None) -> tuple[str, str]:
    return ("", "") if scores is None else (f"{scores.top1 * 100:.2f}", f"{scores.nll:.4f}")


def _verdict(each: Ingredient) -> str:
    if each.taken:
        return "taken" if each.together else "first"
    return "collapses" if each.collapsed else "left out"
