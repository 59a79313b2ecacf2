"""The report's page as a PDF where no browser can print it: its elements, drawn by ReportLab.

The page itself is read, so that both say the same. Sides, tables, pictures and diagrams stand where
they stand in print; only fonts and rules are plainer.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

from negvol_cli.dicom_out.diagrams import colour_scale, diagram
from negvol_cli.dicom_out.page_tree import Element, parse
from negvol_cli.render import palette
from negvol_cli.render.lettering import spelt

MARGIN_MM: Final = 10.0
_COLUMN_MM: Final = 250.0  # of the 297 of a sheet
_MM: Final = 72 / 25.4
_GAP: Final = 12.0
_FONT: Final = "negvol"
_BOLD: Final = "VeraBd"
_SIZES: Final = {"h1": 14.0, "h2": 11.0, "h3": 9.0, "h4": 8.5, "strong": 20.0}
_TEXT: Final = 7.5
_KEYS: Final = {
    "condyle": palette.CONDYLE,
    "temporal-bone": palette.TEMPORAL_BONE,
    "negative-volume": palette.NEGATIVE_VOLUME,
    "reference": palette.REFERENCE,
    "right": palette.RIGHT,
    "left": palette.LEFT,
}
_CAUTION: Final = "#8F3A00"  # as in report.css
_BOX: Final = "\u00a0" * 3
_SPACES: Final = re.compile(r"[ \n\t]+")  # a box is made of others
_DATA: Final = re.compile(r"data:image/[a-z]+;base64,(.*)", re.DOTALL)

Flowables = list[Any]


def drawn(page: str) -> bytes:
    """The page as a PDF of A4 sheets."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    _register()
    body = parse(page)
    buffer = io.BytesIO()
    margin = MARGIN_MM * _MM
    sheet = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        title=next(body.find("h1")).text,
        author="negvol",
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), margin),
    )
    sheet.build(_flow(body, A4[0] - 2 * margin - 12))  # 6 points of padding on each side
    return buffer.getvalue()


@cache
def _register() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    font = files("negvol_cli.render").joinpath("fonts", "DejaVuSansCondensed.ttf").read_bytes()
    pdfmetrics.registerFont(TTFont(_FONT, io.BytesIO(font)))
    pdfmetrics.registerFont(TTFont(_BOLD, "VeraBd.ttf"))  # comes with ReportLab


def _flow(element: Element, width: float) -> Flowables:
    """The printed children of an element, one below the other."""
    found: Flowables = []
    loose: list[Element | str] = []  # text and inline elements between blocks
    for child in element.children:
        if isinstance(child, Element) and child.shown and (draw := _block(child)) is not None:
            found += _paragraph(Element("p", {}, loose))
            loose = []
            found += draw(child, width)
        elif isinstance(child, str) or child.shown:
            loose.append(child)
    return found + _paragraph(Element("p", {}, loose))


def _block(element: Element) -> Callable[[Element, float], Flowables] | None:
    """How a block is drawn; None for what stands in a line of text."""
    classes = element.classes
    if element.tag == "header" or classes & {"pair", "directions"}:
        return _columns
    if classes & {"cuts", "stills"}:
        return _pictures
    if "colour-bar" in classes:
        return _colour_bar
    if classes & {"definitions", "origin"}:
        return _definitions
    if "solid" in classes and element.tag == "section":
        return _new_sheet
    by_tag: dict[str, Callable[[Element, float], Flowables]] = {
        **dict.fromkeys(("h1", "h2", "h3", "h4"), _heading),
        **dict.fromkeys(("p", "li", "figcaption"), lambda e, _: _paragraph(e)),
        **dict.fromkeys(("div", "section", "article", "main", "footer", "ul", "figure"), _flow),
        "table": _table,
        "img": _picture,
        "svg": diagram,
    }
    return by_tag.get(element.tag)


def _new_sheet(element: Element, width: float) -> Flowables:
    from reportlab.platypus import PageBreak

    return [PageBreak(), *_flow(element, width)]


def _heading(element: Element, _: float) -> Flowables:
    return [_text(_marked(element, bold=True), _SIZES[element.tag], before=5)]


def _paragraph(element: Element) -> Flowables:
    bold = bool(element.classes & {"research-use", "not-ok"})
    marked = _marked(element, bold=bold)
    if not marked.strip():
        return []
    if element.tag == "li" and "key" not in {c for e in element.elements for c in e.classes}:
        marked = f"· {marked}"
    colour = palette.MUTED if element.classes & {"note", "scan", "label"} else palette.INK
    colour = _CAUTION if "not-ok" in element.classes else colour
    return [_text(marked, _TEXT, colour=colour, after=2)]


def _text(
    marked: str, size: float, *, colour: str = palette.INK, before: float = 0, after: float = 1.5
) -> Any:
    """A paragraph of ReportLab's markup; the largest letters in it set its line."""
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    largest = max([size, *map(float, re.findall(r'size="([0-9.]+)"', marked))])
    style = ParagraphStyle(
        "negvol",
        fontName=_FONT,
        fontSize=size,
        leading=1.22 * largest,
        textColor=colour,
        spaceBefore=before,
        spaceAfter=after,
    )
    return Paragraph(marked, style)


def _marked(element: Element, *, bold: bool = False) -> str:
    """The words of an element in ReportLab's markup, with keys as squares of their colour."""
    found = ""
    for child in element.children:
        if isinstance(child, str):
            found += _lettered(child, bold)
        elif child.shown and child.classes & {"key", "line"}:
            colour = next((c for name, c in _KEYS.items() if name in child.classes), palette.INK)
            found += f'<font backColor="{colour}">{_BOX}</font> '
        elif child.shown and child.tag == "strong":
            found += f'<font size="{_SIZES["strong"]}">{_marked(child, bold=True)}</font>'
        elif child.shown:
            apart = " " if "label" in child.classes else ""  # a line of its own on the page
            found += apart + _marked(child, bold=bold)
    return _SPACES.sub(" ", found).strip(" ")


def _lettered(text: str, bold: bool) -> str:
    """Text in letters that the fonts have; bold is the one of Western letters alone."""
    shown = escape(spelt(" ".join(text.split())), quote=False)
    edges = " " if text[:1].isspace() else "", " " if text[-1:].isspace() else ""
    if not shown:
        return " " if text else ""
    try:
        shown.encode("cp1252")
    except UnicodeEncodeError:
        bold = False
    return edges[0] + (f'<font name="{_BOLD}">{shown}</font>' if bold else shown) + edges[1]


def _columns(element: Element, width: float) -> Flowables:
    """Children side by side: left and right joint, table and diagrams."""
    parts = list(element.elements)
    shares = [1.0] * len(parts)
    if element.tag == "header":
        shares = [1.7, 1.0]
    room = (width - _GAP * (len(parts) - 1)) / (sum(shares) or 1)
    widths = [share * room for share in shares]
    cells = [_on_a_sheet(_block_of(p, w), w) for p, w in zip(parts, widths, strict=True)]
    return [_grid([cells], widths, gap=_GAP)] if parts else []


def _on_a_sheet(column: Flowables, width: float) -> Any:
    """A column that is no longer than a sheet: what stands side by side is not broken."""
    from reportlab.platypus import KeepInFrame

    return KeepInFrame(width, _COLUMN_MM * _MM, column, mode="shrink")


def _pictures(element: Element, width: float) -> Flowables:
    """Pictures two in a row, and what stands beside them."""
    half = (width - 4) / 2
    cells = [_block_of(part, half) for part in element.elements]
    cells += [[]] * (len(cells) % 2)
    rows = [cells[i : i + 2] for i in range(0, len(cells), 2)]
    return [_grid(rows, [half, half], gap=4)] if rows else []


def _block_of(part: Element, width: float) -> Flowables:
    draw = _block(part)
    return draw(part, width) if draw is not None else _paragraph(part)


def _definitions(element: Element, width: float) -> Flowables:
    """Terms and what they mean, in two columns from top to bottom."""
    room = (width - _GAP) / 2
    lines = []
    for item in element.elements:
        term, *meaning = [part for part in item.elements if part.tag in ("dt", "dd")]
        said = " ".join(_marked(part) for part in meaning)
        lines.append(_text(f"{_marked(term, bold=True)}  {said}", _TEXT - 0.5))
    half = -(-len(lines) // 2)
    return [_grid([[lines[:half], lines[half:]]], [room, room], gap=_GAP)] if lines else []


def _colour_bar(element: Element, width: float) -> Flowables:
    """The scale of the joint space in colour, between its words."""
    before, *_, after = element.elements
    ticks = [tick.text for tick in element.find("b")]
    sides = [width * share for share in (0.18, 0.34, 0.48)]
    cells = [_paragraph(before), [colour_scale(ticks, sides[1] - 2 * _GAP)], _paragraph(after)]
    return [_grid([cells], [side - _GAP for side in sides], gap=_GAP)]


def _picture(element: Element, width: float) -> Flowables:
    from reportlab.platypus import Image

    match = _DATA.match(element.attributes.get("src", ""))
    if match is None:
        return []
    image = Image(io.BytesIO(base64.b64decode(match[1])))
    scale = width / image.imageWidth
    image.drawWidth, image.drawHeight = width, image.imageHeight * scale
    return [image]


def _table(element: Element, width: float) -> Flowables:
    """A table: words in its first column and its remarks, figures at the right of their cells."""
    from reportlab.platypus import TableStyle

    rows, spans = [], []
    for number, line in enumerate(element.find("tr")):
        row: list[Any] = []
        for cell in line.elements:
            warns = "caution" in cell.classes
            marked = _marked(cell, bold=warns or cell.tag == "th")
            colour = _CAUTION if warns else palette.INK
            row.append([_text(marked, _TEXT - 0.5, colour=colour, after=0)])
            for _ in range(1, int(cell.attributes.get("colspan", "1"))):
                row.append("")
                spans.append(("SPAN", (len(row) - 2, number), (len(row) - 1, number)))
        rows.append(row)
    columns = max(map(len, rows), default=0)
    rows = [row + [""] * (columns - len(row)) for row in rows]
    if not columns:
        return []
    made = _grid(rows, _widths(element, columns, width - 4 * (columns - 1)), gap=4)
    made.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.4, palette.RULE), *spans]))
    return [made]


def _widths(element: Element, columns: int, width: float) -> list[float]:
    """Shares of the width by the longest text of each column, within limits."""
    longest = [6.0] * columns
    for line in element.find("tr"):
        for number, cell in enumerate(line.elements):
            if "colspan" not in cell.attributes:
                longest[number] = max(longest[number], min(float(len(cell.text)), 30.0))
    return [width * length / sum(longest) for length in longest]


def _grid(rows: list[list[Any]], widths: list[float], *, gap: float) -> Any:
    """Cells side by side with a gap between them and none about them."""
    from reportlab.platypus import Table

    padded = [width + gap for width in widths[:-1]] + widths[-1:]
    made = Table(rows, colWidths=padded, hAlign="LEFT")
    made.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-2, -1), gap),
            ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ]
    )
    return made
