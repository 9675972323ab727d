"""The floor plan of a checkout in numbers: rooms, the arrows between them, circles, sizes, names.

``python tools/floor_plan.py [PATH]`` reads ``PATH/src/<package>``, of this checkout if no PATH is
given, and imports nothing of it. A room is what lies in the package's root: a folder or a module.
An arrow is one room that imports another, anywhere in a file, be it for types alone; it points
backwards where the other, directly or through others, imports the first. A circle is modules that
import each other so. Homonyms are public classes, functions and aliases of types of one
name in several modules.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median, quantiles

Graph = Mapping[str, set[str]]


@dataclass(frozen=True, kw_only=True)
class Import:
    """One name that one module takes from another of the package.

    Args:
        importer: The module that imports.
        imported: The module that is imported, or that the name stands in.
        name: The name; None where it is the module itself.
    """

    importer: str
    imported: str
    name: str | None


def read_package(checkout: Path) -> dict[str, ast.Module]:
    """The package's modules by dotted name, parsed."""
    source = checkout / "src"
    modules = {}
    for path in sorted(source.rglob("*.py")):
        name = ".".join(path.relative_to(source).with_suffix("").parts)
        modules[name.removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return modules


def imports_of(modules: Mapping[str, ast.Module]) -> list[Import]:
    """Every import of one of the modules by another, inside functions and for types too."""
    found = []
    for importer, tree in modules.items():
        for imported, name in _imported_names(tree):
            inner = f"{imported}.{name}"
            if inner in modules:
                imported, name = inner, None
            if imported in modules and imported != importer:
                found.append(Import(importer=importer, imported=imported, name=name))
    return found


def _imported_names(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Modules, with the name that is taken from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.name, None) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "imports are absolute"
            yield from ((node.module, each.name) for each in node.names)


def room_of(module: str) -> str:
    """The room that a module stands in; the package's root is none: ''."""
    return module.split(".")[1] if "." in module else ""


def arrows(imports: list[Import]) -> dict[str, set[str]]:
    """The rooms that each room imports."""
    graph: dict[str, set[str]] = defaultdict(set)
    for each in imports:
        origin, end = room_of(each.importer), room_of(each.imported)
        if origin and end and origin != end:
            graph[origin].add(end)
    return graph


def circles(graph: Graph) -> list[set[str]]:
    """Groups that reach each other along the arrows."""
    within = {start: _reached(graph, start) for start in graph}
    groups = {
        frozenset(other for other in reached if start in within.get(other, ()))
        for start, reached in within.items()
    }
    return [set(group) for group in groups if group]


def _reached(graph: Graph, start: str) -> set[str]:
    """All that can be reached from ``start``; itself only on a circle."""
    reached: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        place = waiting.pop()
        if place not in reached:
            reached.add(place)
            waiting += graph.get(place, ())
    return reached


def module_graph(imports: list[Import]) -> dict[str, set[str]]:
    """The modules that each module imports."""
    graph: dict[str, set[str]] = defaultdict(set)
    for each in imports:
        graph[each.importer].add(each.imported)
    return graph


def homonyms(modules: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Public names of classes, functions and types that several modules define, with these."""
    places: dict[str, list[str]] = defaultdict(list)
    for module, tree in modules.items():
        for name in chain.from_iterable(map(_defined, tree.body)):
            if not name.startswith("_"):
                places[name].append(module)
    return {name: each for name, each in sorted(places.items()) if len(each) > 1}


def _defined(node: ast.stmt) -> Iterator[str]:
    """The class, function or alias of a type that a statement defines, if it does."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        if name[:1].isupper() and not name.isupper():
            yield name


def report(checkout: Path) -> str:
    """One line for every number."""
    modules = read_package(checkout)
    imports = imports_of(modules)
    graph = arrows(imports)
    rooms = {room_of(module) for module in modules} - {"", "__main__"}
    folders = {room_of(module) for module in modules if module.count(".") > 1}
    same = homonyms(modules)
    files = [path.read_text(encoding="utf-8").count("\n") for path in checkout.rglob("src/**/*.py")]
    functions = [
        (node.end_lineno or 0) - node.lineno + 1
        for node in chain.from_iterable(map(ast.walk, modules.values()))
        if isinstance(node, ast.FunctionDef)
    ]
    numbers = {
        "modules in the root": len(rooms - folders),
        "rooms": len(rooms),
        "arrows between rooms": sum(map(len, graph.values())),
        "of them backwards": sum(
            len(graph[room] & each) for each in circles(graph) for room in each
        ),
        "circles of modules": len(circles(module_graph(imports))),
        "lines of all files": sum(files),
        "lines of a file": _median_and_p90(files),
        "lines of a function": _median_and_p90(functions),
        "homonyms": f"{len(same)}: {', '.join(same)}",
    }
    return "\n".join(f"{name}: {value}" for name, value in numbers.items())


def _median_and_p90(values: list[int]) -> str:
    return f"median {median(values):.0f}, p90 {quantiles(values, n=10, method='inclusive')[-1]:.0f}"


if __name__ == "__main__":
    print(report(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]))
