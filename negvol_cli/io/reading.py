"""A scan that is read while the libraries that measure it are still being loaded."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace

from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.image import Scan
from negvol_cli.io.source import Intake
from negvol_cli.timing import Stopwatch


class Reading:
    """The reading of ``intake``, begun in a thread of its own; ``watch`` times it as "read"."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.watch = Stopwatch()
        self._scan: Future[Scan] = Future()
        # nobody waits for it where the run ends before it needs the scan
        threading.Thread(target=self._read, name="negvol-read", daemon=True).start()

    def scan(self) -> Scan:
        """Wait for the scan. Raises as ``read_checked``."""
        return self._scan.result()

    def _read(self) -> None:
        try:
            self._scan.set_result(read_checked(self.intake, self.watch))
        except BaseException as err:  # noqa: BLE001 - raised where the scan is asked for
            self._scan.set_exception(err)


def read_checked(intake: Intake, watch: Stopwatch) -> Scan:
    """The scan, with what is known against it among its notes.

    Raises InputError where it cannot be read right or is not a CT, or OSError.
    """
    with watch.step("read"):
        found = intake.load()
        return replace(found, notes=(*found.notes, *check_ct(found.volume, found.name)))
