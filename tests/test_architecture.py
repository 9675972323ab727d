"""The rooms of the package import each other as the table of docs/architecture.md says."""

import re
from pathlib import Path

from tools.floor_plan import circles, homonyms, imports_of, module_graph, read_package, room_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/cotrain"
MODULES = read_package(ROOT)
IMPORTS = imports_of(MODULES)
# The rooms from top to bottom, each with those that it may import.
MAY_IMPORT = {
    room: re.findall(r"`(\w+)`", allowed)
    for room, allowed in re.findall(
        r"^\| `(\w+)` \|.*\|(.*)\|$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE
    )
}


def test_the_root_holds_the_rooms_and_nothing_else():
    assert len(MAY_IMPORT) <= 15
    holds = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert holds == {"__init__.py", "__main__.py", "py.typed", *MAY_IMPORT}


def test_a_room_may_import_only_rooms_below_it():
    rooms = list(MAY_IMPORT)
    for place, room in enumerate(rooms):
        assert set(MAY_IMPORT[room]) <= set(rooms[place + 1 :]), room


def test_every_import_is_allowed():
    for each in IMPORTS:
        room, other = room_of(each.importer), room_of(each.imported)
        if room in MAY_IMPORT and other != room:
            assert other in MAY_IMPORT[room], each


def test_no_modules_import_each_other():
    assert circles(module_graph(IMPORTS)) == []


def test_no_private_name_leaves_its_room():
    for each in IMPORTS:
        if room_of(each.importer) != room_of(each.imported):
            assert not re.match(r"_(?!_)", each.name or ""), each


def test_the_three_comparisons_are_sisters():
    for each in IMPORTS:
        if room_of(each.importer) == room_of(each.imported) == "comparison":
            assert each.importer.split(".")[2] == each.imported.split(".")[2], each


# The hooks of a family of networks, and the functions that call that of a spec's family.
HOOKS = {"blank", "build", "divide", "parse", "widths"}


def test_one_word_means_one_thing():
    """A verb of the command is called as what it calls."""
    named = {name: node for name, node in MODULES.items() if ".cli.verbs" not in name}
    assert set(homonyms(named)) <= HOOKS
