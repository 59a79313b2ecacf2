"""A scan that is read while the libraries that measure it are still being loaded."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.image import Scan
from negvol_cli.io.source import Intake
from negvol_cli.threads import Begun
from negvol_cli.timing import Stopwatch


class Reading:
    """The reading of ``intake``, begun in a thread of its own; ``watch`` times it as "read"."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.watch = Stopwatch()
        # nobody waits for it where the run ends before it needs the scan
        self._scan = Begun(partial(read_checked, intake, self.watch), "negvol-read", daemon=True)

    def scan(self) -> Scan:
        """Wait for the scan. Raises as ``read_checked``."""
        return self._scan.result()


def read_checked(intake: Intake, watch: Stopwatch) -> Scan:
    """The scan, with what is known against it among its notes.

    Raises InputError where it cannot be read right or is not a CT, or OSError.
    """
    with watch.step("read"):
        found = intake.load()
        return replace(found, notes=(*found.notes, *check_ct(found.volume, found.name)))
