"""Which options of dividing are refused, and how."""

import math
from typing import Any

import pytest

from cotrain import ConfigError
from cotrain.config import DivideOptions, check_settings


def test_the_defaults_keep_the_params_within_5_percent():
    options = DivideOptions()
    check_settings(options)
    assert (options.budget, options.tolerance, options.method) == ("params", 0.05, "auto")
    assert (options.widths, options.check) == (None, "quick")


@pytest.mark.parametrize("tolerance", [0.0, 1.0, -0.1])
def test_a_tolerance_is_a_share(tolerance):
    with pytest.raises(ConfigError, match=rf"^tolerance={tolerance} is not a share.*try 0\.05$"):
        check_settings(DivideOptions(tolerance=tolerance))


@pytest.mark.parametrize("tolerance", [math.nan, math.inf])
def test_a_tolerance_is_finite(tolerance):
    with pytest.raises(ConfigError, match=rf"^tolerance={tolerance} is not finite: give finite"):
        check_settings(DivideOptions(tolerance=tolerance))


@pytest.mark.parametrize("name", ["budget", "method", "check"])
def test_unknown_words_are_refused(name):
    options: dict[str, Any] = {name: "flops"}
    with pytest.raises(ConfigError, match=rf"^{name}='flops' is not known: use one of"):
        check_settings(DivideOptions(**options))
