"""report.html as a tree of elements, so that what is drawn is what the page says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = {"meta", "link", "img", "br", "input", "hr", "path", "circle", "rect"}
_LEFT_OUT: Final = {"script", "style", "head", "button", "input"}
_NOT_PRINTED: Final = {"tools", "view", "no-scripts", "no-3d"}
"""Classes that the page's print style hides."""


@dataclass(slots=True)
class Element:
    """An element with its children in their order: elements, and pieces of text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        """The names in its ``class``."""
        return set(self.attributes.get("class", "").split())

    @property
    def shown(self) -> bool:
        """Whether it is printed."""
        return (
            self.tag not in _LEFT_OUT
            and "hidden" not in self.attributes
            and not self.classes & _NOT_PRINTED
        )

    @property
    def elements(self) -> Iterator[Element]:
        """Its children that are printed elements."""
        return (c for c in self.children if isinstance(c, Element) and c.shown)

    @property
    def text(self) -> str:
        """What is printed of it as words, white space as HTML has it."""
        pieces = (
            child if isinstance(child, str) else child.text if child.shown else ""
            for child in self.children
        )
        return " ".join("".join(pieces).split())

    def find(self, tag: str) -> Iterator[Element]:
        """All printed elements of a kind below it, in their order."""
        for child in self.elements:
            if child.tag == tag:
                yield child
            yield from child.find(tag)


def parse(page: str) -> Element:
    """The body of a page."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return next(reader.root.find("body"), reader.root)


class _Reader(HTMLParser):
    """Builds the tree; an end tag closes all that was left open inside."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(made)
        if tag not in _VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {n: v or "" for n, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].tag == tag:
                del self._open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)
