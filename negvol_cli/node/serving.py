"""A node at work: it receives, measures what is quiet, and stores the results back.

Three hands that know of each other only by what lies in the spool: pynetdicom's threads receive
(``receiving``), the main thread measures (``measuring``), one more thread sends (``delivering``).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from negvol_cli.batch import Engine, Job, Stop
from negvol_cli.batch.tables import write_whole
from negvol_cli.node.audit import Audit, OnEvent
from negvol_cli.node.delivering import Delivering
from negvol_cli.node.library import require_extra
from negvol_cli.node.listening import Listening, listening
from negvol_cli.node.measuring import Measuring
from negvol_cli.node.peer import Peer
from negvol_cli.node.receiving import Receiver
from negvol_cli.node.spool import Spool
from negvol_cli.render.library import LIBRARY, library_text

RESULTS: Final = "results"

_LOOK_EVERY_S: Final = 1.0
"""A sixtieth of the quiet time that makes a study complete, unless another one is given."""
_DISK_AGAIN_S: Final = 10.0
"""A full disk makes six lines a minute in the log, and is found emptied within ten seconds."""
_FORGET_EVERY_S: Final = 600.0
"""Under a hundredth of a day, in which ``Keeping.days`` counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where a node keeps what it has, how much of it, and when a study is held to be complete."""

    folder: Path
    most_bytes: int
    days: float
    quiet_s: float

    @property
    def results(self) -> Path:
        """The folder for the results."""
        return self.folder / RESULTS


def serve(
    where: Listening,
    keeping: Keeping,
    peer: Peer,
    work: tuple[Job, Engine],
    on_event: OnEvent = lambda _event, _said: None,
) -> None:
    """Be a node until something is raised: KeyboardInterrupt, say. Nothing is lost by that.

    Raises OutputError where the spool or the port is another's, ModelError where the networks
    cannot be used, and NegvolError without the extra ``dicom``.
    """
    require_extra()
    job, engine = work
    spool = Spool(keeping.folder, keeping.most_bytes)
    with engine, spool.held():
        audit = Audit(keeping.folder, on_event)
        write_whole(spool.results / LIBRARY, library_text())
        delivering = Delivering(spool, peer, audit)
        measuring = Measuring(spool, job, audit, keeping.quiet_s, Stop(), delivering.wake)
        for study in spool.studies():
            if not spool.is_done(study):
                state = spool.state(study)
                so_far = "received"
                if state.result:
                    so_far = f"measured, {len(state.stored)} objects stored"
                audit("found at start", study=study, images=spool.count(study), so_far=so_far)
        with listening(where, Receiver(spool, audit)), _sending(delivering):
            try:
                audit("started", title=where.title, address=f"{where.host}:{where.port}")
                _work(measuring, delivering, engine, keeping.days)
            finally:
                audit("stopped")


def _work(measuring: Measuring, delivering: Delivering, engine: Engine, days: float) -> None:
    forget_at = 0.0
    while True:
        delivering.check()
        if time.monotonic() >= forget_at:
            for study in measuring.spool.forget_older(days):
                measuring.audit("removed", study=study)
            forget_at = time.monotonic() + _FORGET_EVERY_S
        try:
            idle = not measuring.round(engine)
        except OSError as err:  # a full disk, which others may have filled, and may empty
            measuring.audit("failed", reason=f"the spool cannot be written ({err.strerror})")
            time.sleep(_DISK_AGAIN_S)
            continue
        if idle:
            time.sleep(_LOOK_EVERY_S)


@contextmanager
def _sending(delivering: Delivering) -> Iterator[None]:
    thread = threading.Thread(target=delivering.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        delivering.end()
