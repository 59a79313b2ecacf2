"""The table of both joints for a terminal or a log file."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from negvol_cli.render import difference, words
from negvol_cli.report import COMPARED, ScanReport, Status

# For terminals that cannot show them (an old code page, a C locale).
_ASCII = str.maketrans(
    {"×": "x", "³": "3", "–": "-", "·": "*", "±": "+-", "“": '"', "”": '"', "’": "'"}
)

_STYLES = {Status.OK: "green", Status.CUT: "yellow", Status.IMPLAUSIBLE: "yellow"}


def print_report(report: ScanReport, console: Console) -> None:
    """Print both joints, their asymmetry, status, flags and origin; the right joint comes first.

    Fits 80 columns. Without a terminal there are no colours, rules or trailing spaces; colours also
    obey ``NO_COLOR``, which ``console`` does by itself.
    """
    if console.is_terminal:
        _print(report, _Page(console))
        return
    with console.capture() as printed:
        _print(report, _Page(console))
    console.file.writelines(f"{line.rstrip()}\n" for line in printed.get().splitlines())


def _print(report: ScanReport, page: _Page) -> None:
    page.line(words.plain(report.scan), "bold")
    page.line(f"voxels {words.spacing(report)}", "dim")
    page.blank()
    for joint in report.joints:
        name = f"{str(joint.side).capitalize()} joint"
        status = words.plain(joint.status_text)
        page.entry(name, status, _STYLES.get(joint.status, "red"))
    page.blank()
    page.table(_measurements(report, page))
    page.line(words.ARTICULAR, "dim")
    page.blank()
    page.table(_asymmetries(report, page))
    if any(joint.reference for joint in report.joints):
        page.table(_references(report, page))
    found = list(words.flags(report))
    if found:
        page.line("Flags", "bold")
        for concern, flag in found:
            page.entry(concern.capitalize(), flag, "yellow")
        page.blank()
    for name, value in words.origin(report):
        if value:
            page.entry(name, words.plain(value), "", width=18)
    page.line(report.research_use, "bold")


def _measurements(report: ScanReport, page: _Page) -> Table:
    table = page.new_table("", "Right", "Left", "")
    table.columns[3].justify = "left"
    right, left = report.joints
    volumes = (
        ("Condylar head volume, mm³", "head_volume_mm3"),
        ("Negative volume (NV), mm³", "nv_mm3"),
        ("Articular NV, mm³", "articular_nv_mm3"),
    )
    for label, name in volumes:
        direction = difference.in_words(report, name)
        style = "bold" if name == "nv_mm3" else ""
        cells = (words.volume(joint, name) for joint in (right, left))
        page.row(table, label, *cells, direction, style=style)
    page.row(table, "Joint space, mm")
    for direction in words.DIRECTIONS:
        page.row(
            table, f"  {direction}", *(words.space(joint, direction) for joint in (right, left))
        )
    return table


def _asymmetries(report: ScanReport, page: _Page) -> Table:
    table = page.new_table("Asymmetry", "NV", "Articular NV")
    both = (report.nv_asymmetry, report.articular_nv_asymmetry)
    points = (report.nv_asymmetry_points, report.articular_nv_asymmetry_points)
    page.row(table, "Left and right", *map(words.ratio, both, points))
    figures = zip(*(words.asymmetry_figures(asymmetry) for asymmetry in both), strict=True)
    for (formula, of_nv), (_, of_articular) in figures:
        page.row(table, formula, of_nv, of_articular)
    if any(half is not None for half in points):
        halves = (
            f"± {words.percent(half)}" if half is not None else words.MISSING for half in points
        )
        page.row(table, "100·|L-R|/(L+R), 95 % interval", *halves)
    return table


def _references(report: ScanReport, page: _Page) -> Table:
    table = page.new_table("Against the reference", "Right Dice", "HD95 mm", "Left Dice", "HD95 mm")
    for structure in COMPARED:
        cells = []
        for joint in report.joints:
            found = getattr(joint.reference, structure, None)
            cells += [
                words.number(getattr(found, "dice", None), 3),
                words.number(getattr(found, "hd95_mm", None), 2),
            ]
        page.row(table, structure.replace("_", " ").capitalize(), *cells)
    return table


class _Page:
    """A console with the habits of this page: never markup, rules only on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        try:
            "×³–·±".encode(console.encoding)
            self._table: dict[int, str] = {}
        except (UnicodeEncodeError, LookupError):
            self._table = {key: str(value) for key, value in _ASCII.items()}

    def text(self, text: str, style: str = "") -> Text:
        shown = text.translate(self._table)
        if self._table:
            encoding = self._console.encoding
            shown = shown.encode(encoding, "replace").decode(encoding)
        return Text(shown, style=style)

    def line(self, text: str, style: str = "") -> None:
        self._console.print(self.text(text, style), soft_wrap=not self._console.is_terminal)

    def blank(self) -> None:
        self._console.print()

    def entry(self, name: str, value: str, style: str, width: int = 15) -> None:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=width)
        grid.add_column()
        grid.add_row(self.text(name), self.text(value, style))
        self._console.print(grid)

    def new_table(self, label: str, *columns: str) -> Table:
        box = SIMPLE_HEAD if self._console.is_terminal else None
        table = Table(box=box, show_edge=False, pad_edge=False, padding=(0, 3, 0, 0))
        table.add_column(self.text(label), min_width=26)
        for name in columns:
            table.add_column(self.text(name), justify="right", min_width=6)
        return table

    def row(self, table: Table, *cells: str, style: str = "") -> None:
        table.add_row(*(self.text(cell) for cell in cells), style=style)

    def table(self, table: Table) -> None:
        self._console.print(Padding(table, (0, 0, 1, 0), expand=False))
