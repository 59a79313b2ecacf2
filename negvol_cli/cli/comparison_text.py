"""A comparison on stdout, as text or as JSON."""

from __future__ import annotations

from pathlib import Path

from negvol_cli.cli.options import print_columns, print_json
from negvol_cli.cli.printing import say
from negvol_cli.cli.private import place
from negvol_cli.comparison.files import comparison_to_dict
from negvol_cli.comparison.report import Comparison
from negvol_cli.follow_up import name_of
from negvol_cli.render import change_words

HEADINGS = ("figure", "before", "after", "change", "unit", "")


def print_comparison(found: Comparison, out: Path, *, as_json: bool, quiet: bool) -> None:
    """Print the changes on stdout and the location of the files on stderr."""
    if as_json:
        print_json(comparison_to_dict(found))
    else:
        for line in change_words.headline(found):
            say(line)
        for title, rows in change_words.tables(found):
            say(f"\n{title}")
            if rows:
                print_columns([HEADINGS, *rows])
        say(f"\n{found.research_use}")
    if not quiet:
        name = name_of(found.before, found.after)
        say(f"Pictures and files: {place(out, name, 'comparison.html')}", err=True)
