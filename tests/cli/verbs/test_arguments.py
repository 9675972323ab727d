"""What several verbs take, and what those that divide one large network refuse."""

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.cli.verbs.arguments import one_large_network
from cotrain.config import CoTrainingOptions


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"network": "a,b"}, "network=a,b names several, .* cotrain compare --mixed a[+]b"),
        (
            {"co_training": CoTrainingOptions(member=1)},
            "co_training.member=1 trains one network alone, and here all S are .*: leave it out",
        ),
    ],
)
def test_what_is_not_one_network_divided_is_refused(settings, said):
    with pytest.raises(ConfigError, match=f"^{said}$"):
        one_large_network(settings)
    one_large_network({"network": "a", "co_training": CoTrainingOptions()})
