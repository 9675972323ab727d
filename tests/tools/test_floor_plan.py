"""The floor plan of a package of four modules, counted by hand."""

from pathlib import Path

from tools import floor_plan

FILES = {
    "__init__.py": "from box.lid.hinge import Hinge\n",
    "nails.py": "def hammer():\n    from box.lid import hinge\n",
    "lid/__init__.py": "",
    "lid/hinge.py": "import box.nails\nfrom box.wood.board import cut\nclass Hinge: ...\n",
    "wood/board.py": "import os\ndef cut():\n    return 1\ndef hammer(): ...\ndef _plane(): ...\n",
    "wood/saw.py": "from box.wood.board import cut\nHinge = int\ndef _plane(): ...\n",
}


def package(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / "src/box" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_arrows_and_circles(tmp_path: Path):
    modules = floor_plan.read_package(package(tmp_path))
    imports = floor_plan.imports_of(modules)
    assert floor_plan.arrows(imports) == {"nails": {"lid"}, "lid": {"nails", "wood"}}
    assert floor_plan.circles(floor_plan.module_graph(imports)) == [{"box.nails", "box.lid.hinge"}]
    taken = {(each.importer, each.imported, each.name) for each in imports}
    assert taken == {
        ("box", "box.lid.hinge", "Hinge"),
        ("box.nails", "box.lid.hinge", None),
        ("box.lid.hinge", "box.nails", None),
        ("box.lid.hinge", "box.wood.board", "cut"),
        ("box.wood.saw", "box.wood.board", "cut"),
    }


def test_homonyms_are_public(tmp_path: Path):
    modules = floor_plan.read_package(package(tmp_path))
    assert floor_plan.homonyms(modules) == {
        "Hinge": ["box.lid.hinge", "box.wood.saw"],
        "hammer": ["box.nails", "box.wood.board"],
    }


def test_the_report(tmp_path: Path):
    assert floor_plan.report(package(tmp_path)).splitlines() == [
        "modules in the root: 1",
        "rooms: 3",
        "arrows between rooms: 3",
        "of them backwards: 2",
        "circles of modules: 1",
        "lines of all files: 14",
        "lines of a file: median 2, p90 4",
        "lines of a function: median 1, p90 2",
        "homonyms: 2: Hinge, hammer",
    ]
