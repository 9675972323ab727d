"""Every flag of a verb with its type."""

from cotrain.cli.flags import types_of_flags


def test_flags_of_verbs_that_take_settings_and_records():
    flags = types_of_flags("train")
    assert flags["--into"] is int
    assert flags["--data.image_size"] == int | None
    assert {"--output", "--resume", "--config", "--hardware.threads"} <= flags.keys()
    assert "--data.root" in types_of_flags("evaluate")
    assert "--dividing.widths" in types_of_flags("divide")
