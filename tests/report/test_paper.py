"""The paper's tables and the recipes fit every width."""

from tables import check_fits

from cotrain.comparison.paper.listing import describe_recipes
from cotrain.comparison.paper.reproduction import reproduce
from cotrain.config.published import PUBLISHED
from cotrain.report.paper import paper_tables, recipes_table


def test_tables_fit_every_width():
    tables = list(paper_tables(reproduce(PUBLISHED, [])))
    assert len(tables) == 3
    for table in [*tables, recipes_table(describe_recipes())]:
        check_fits(table)
