"""A page of a report as a program reads it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "img", "br"}


@dataclass
class Node:
    """An element: what it is called, its attributes, and what is in it."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: "list[Node | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    def all(self, tag: str) -> "list[Node]":
        """Every element of this name in it, in order."""
        nodes = [each for each in self.children if isinstance(each, Node)]
        return [found for each in nodes for found in ([each] * (each.tag == tag) + each.all(tag))]

    def rows(self) -> list[list[str]]:
        """The cells of a table, row by row, each on one line."""
        return [
            [" ".join(each.text.split()) for each in row.children if isinstance(each, Node)]
            for row in self.all("tr")
        ]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), attrs
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag in _VOID:
            node.children.append(" ")
        else:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_html(text: str) -> Node:
    """The document; an element that is closed by another's end is refused."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1, f"not closed: {reader.open[-1].tag}"
    return reader.open[0]


def check_whole(document: Node) -> None:
    """It runs one script, its own, loads nothing, and says what its pictures and tables are."""
    assert len(document.all("script")) == 1
    assert len(document.all("style")) == 1
    for node in (document, *(each for tag in _LOADS for each in document.all(tag))):
        for name, value in node.attributes.items():
            assert not name.startswith("on"), f"{node.tag} has {name}={value}"
            if name in ("src", "href"):
                assert value is not None
                assert value.startswith(("data:", "#")), value[:80]
    for image in document.all("img"):
        assert image.attributes["alt"]
    for head in document.all("th"):
        assert head.attributes["scope"] in ("col", "row")


_LOADS = ("img", "link", "a", "script", "iframe", "object", "embed", "form", "svg", "td", "th", "p")
