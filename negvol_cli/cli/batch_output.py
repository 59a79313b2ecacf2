"""What a batch found and how it ended, as text or as JSON."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from negvol_cli.batch.tables import FAILURES, FOUND, PAGE, SUMMARY
from negvol_cli.cli.batch_progress import counts
from negvol_cli.cli.options import print_columns, print_json
from negvol_cli.cli.printing import say
from negvol_cli.cli.private import place
from negvol_cli.errors import BatchError, InputError, StoppedError
from negvol_cli.render import words
from negvol_cli.report import Outcome
from negvol_cli.structures import Side

if TYPE_CHECKING:
    from negvol_cli.batch import BatchResult, Discovery
    from negvol_cli.report import SummaryRow

_NAMED: Final = 5
_TABLE_ROWS: Final = 40


def print_discovery(discovery: Discovery, folder: Path, *, quiet: bool) -> None:
    """Say on stderr what was found and what is left out and why, a line per reason.

    Raises InputError where there is nothing to measure.
    """
    if not discovery.scans:
        _say_what_is_left_out(discovery)
        raise InputError(
            f"no scan was found below {folder}: give a folder that contains head CTs",
            public="no scan was found: give a folder that contains head CTs",
        )
    if quiet:
        return
    where = "" if discovery.private else f" below {folder}"
    say(f"{_scans(len(discovery.scans))} found{where}", err=True)
    _say_what_is_left_out(discovery)


def print_dry_run(discovery: Discovery, *, as_json: bool) -> None:
    """Print every scan with the name its result would have, and everything left out."""
    scans = [{"scan": found.name, "file": found.shown} for found in discovery.scans]
    if as_json:
        left_out = [asdict(left) for left in discovery.left_out]
        print_json({"scans": scans, "left_out": len(left_out) if discovery.private else left_out})
    else:
        print_columns([[words.plain(s["scan"]), words.plain(s["file"])] for s in scans], left=2)


def print_batch(result: BatchResult, out: Path, *, as_json: bool, quiet: bool) -> None:
    """Print how the batch ended: a table of what was measured if it is short, and the failures."""
    tally = result.tally
    if as_json:
        outcomes = {str(outcome): tally[outcome] for outcome in Outcome}
        failures = [asdict(failure) for failure in result.failures]
        print_json(
            {"scans": tally.scans, **outcomes, "earlier": tally.earlier}
            | {"stopped": result.stopped, "failures": failures, "folder": place(out) or None}
        )
        return
    if 0 < len(result.rows) <= _TABLE_ROWS:
        heads = ["scan", "right NV mm³", "left NV mm³", "asymmetry", "larger", "outcome"]
        print_columns([heads, *map(_cells, result.rows)])
        say()
    for failure in result.failures[:_TABLE_ROWS]:
        say(f"{failure.file}: failed at {failure.step}: {failure.reason}")
    if len(result.failures) > _TABLE_ROWS:
        say(f"and {len(result.failures) - _TABLE_ROWS} more failures")
    earlier = f" ({tally.earlier} of them from earlier runs)" if tally.earlier else ""
    say(f"{tally.done} of {_scans(tally.scans)}: {counts(tally)}{earlier}")
    if not quiet:
        for name in (PAGE, SUMMARY, FAILURES, FOUND):
            say(place(out, name), err=True)


def raise_for(result: BatchResult, *, limited: bool) -> None:
    """Raise StoppedError after Ctrl-C, and BatchError where a scan failed."""
    tally = result.tally
    if result.stopped and tally.done < tally.scans:
        raise StoppedError(
            f"stopped after {tally.done} of {_scans(tally.scans)}; what is done is saved, and the "
            "same command goes on with the rest"
        )
    if failed := tally[Outcome.FAILED]:
        raise BatchError(
            f"{failed} of {_scans(tally.scans)} failed: {FAILURES} says why; the same command "
            "tries them again"
        )
    if limited and tally.done < tally.scans:
        rest = _scans(tally.scans - tally.done)
        say(f"--limit is reached with {rest} left: the same command goes on", err=True)


def _say_what_is_left_out(discovery: Discovery) -> None:
    if discovery.private:
        if count := len(discovery.left_out):
            say(f"left out: {count}; --dry-run without --pseudonym-key says why", err=True)
        return
    reasons = defaultdict(list)
    for left in discovery.left_out:
        reasons[left.reason].append(words.plain(left.shown))
    for reason, shown in sorted(reasons.items(), key=lambda item: -len(item[1])):
        more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
        named = ", ".join(shown[:_NAMED])
        say(f"left out, {words.plain(reason)}: {named}{more}", err=True)


def _cells(row: SummaryRow) -> list[str]:
    report = row.report
    right, left = (words.mm3(report.joint(side).nv_mm3) for side in (Side.RIGHT, Side.LEFT))
    asymmetry = report.nv_asymmetry
    percent = words.percent(None if asymmetry is None else asymmetry.habets_percent)
    return [
        words.plain(row.folder),
        right,
        left,
        percent,
        words.larger(asymmetry, report.nv_asymmetry_points),
        str(row.outcome),
    ]


def _scans(count: int) -> str:
    return "1 scan" if count == 1 else f"{count} scans"
