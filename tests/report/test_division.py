"""What dividing costs fits every width."""

from tables import check_fits

from cotrain.config import DivideOptions
from cotrain.dividing.division import describe_division
from cotrain.networks.registry import named_spec
from cotrain.report.division import division_table


def test_the_table_fits_every_width():
    large = named_spec("wide_resnet28_10")
    division = describe_division(large, 4, weight_decay=5e-4, options=DivideOptions())
    table = division_table(division)
    assert table.rows[0] is not None
    assert table.rows[0].cells[1:3] == [["36,539,124"], ["5,243,386,368"]]
    check_fits(table)
