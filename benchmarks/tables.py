"""Tables of figures in ``docs/``, each rewritten by the script that measured it.

A table stands between the lines ``<!-- NAME -->`` and ``<!-- /NAME -->`` of a page. A benchmark
calls ``write_table``; what stood there before is replaced, the rest of the page stays.

    python -m benchmarks.tables

rewrites the tables that need no measurement: what the default bundle says of itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[1] / "docs"


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows of equal keys as a table; numbers are right-aligned, None is an empty cell."""
    names = list(rows[0])
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in names]
    head = [f"| {' | '.join(names)} |", f"|{'|'.join('---:' if n else '---' for n in numeric)}|"]
    body = [
        f"| {' | '.join('' if row[n] is None else str(row[n]) for n in names)} |" for row in rows
    ]
    return "\n".join([*head, *body])


def write_table(page: str, name: str, text: str, folder: Path = DOCS) -> None:
    """Put ``text`` between the markers of table ``name`` in ``docs/<page>``.

    Raises
    ------
    ValueError
        The page does not have both markers exactly once.
    """
    path = folder / page
    content = path.read_text(encoding="utf-8")
    marked = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if len(marked.findall(content)) != 1:
        raise ValueError(f"{path} needs the lines <!-- {name} --> and <!-- /{name} --> once each")
    table = text.strip()
    replaced = marked.sub(lambda found: f"{found[1]}{table}\n{found[2]}", content)
    path.write_text(replaced, encoding="utf-8")


class Printed:
    """What a benchmark prints line by line, kept to be written into a page at its end."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def line(self, text: str = "") -> None:
        """Print a line at once, and keep it."""
        print(text, flush=True)
        self._lines.append(text)

    def row(self, *cells: object) -> None:
        """Print a row of a table."""
        self.line(f"| {' | '.join(map(str, cells))} |")

    def heading(self, *names: str) -> None:
        """Print the heading of a table."""
        self.row(*names)
        self.line("|" + "---|" * len(names))

    def write(self, page: str, name: str) -> None:
        """Write everything so far between the markers of table ``name``."""
        write_table(page, name, "\n".join(self._lines))


def asked_to_write() -> bool:
    """Return whether ``--write`` is among the program's arguments, and take it out of them."""
    wanted = "--write" in sys.argv
    sys.argv[:] = [argument for argument in sys.argv if argument != "--write"]
    return wanted


def write_bundle_tables() -> None:
    """Write the accuracy and the sources that the default bundle's manifest holds."""
    from negvol_cli.bundle.bundle import load_bundle
    from negvol_cli.cli.bundle_text import rounded

    manifest = load_bundle().manifest
    accuracy = [
        {
            "measure": entry.measure,
            "of": entry.of.replace("_", " "),
            "value": rounded(entry),
            "measured on": entry.how,
        }
        for entry in manifest.accuracy
    ]
    sources = [
        {"source": s.name, "licence": s.licence, "reference": s.reference} for s in manifest.sources
    ]
    title = f"Default bundle: {manifest.title}, {manifest.licence}."
    write_table("accuracy.md", "NETWORKS", f"{title}\n\n{markdown(accuracy)}")
    write_table("data.md", "SOURCES", f"{title}\n\n{markdown(sources)}")


if __name__ == "__main__":
    write_bundle_tables()
