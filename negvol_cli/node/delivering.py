"""Results that are measured, stored back; what could not be sent is tried again, for ever."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Final

from negvol_cli.errors import InputError, PeerError
from negvol_cli.io.dicom import Outgoing
from negvol_cli.node.audit import Audit
from negvol_cli.node.contexts import name_of
from negvol_cli.node.peer import Peer
from negvol_cli.node.sending import objects_of, send
from negvol_cli.node.spool import Spool
from negvol_cli.node.state import State

FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 900.0
"""A PACS is restarted within minutes; who looks after a longer fault finds a line each quarter."""
_LOOK_AGAIN_S: Final = 2.0
"""Under half of the shortest pause, so that a try is hardly late; what is new calls ``wake``."""


@dataclass(slots=True)
class Delivering:
    """Sends each object of each result once, as far as acknowledgements tell.

    What was sent and not acknowledged, because one side was killed, is sent again under the same
    UID, which makes no second object of it.
    """

    spool: Spool
    peer: Peer
    audit: Audit
    _pauses: dict[str, float] = field(default_factory=dict)
    _again_at: dict[str, float] = field(default_factory=dict)
    _wake: threading.Event = field(default_factory=threading.Event)
    _ended: bool = False
    _fault: Exception | None = None

    def wake(self) -> None:
        """Look at once whether there is something to be sent."""
        self._wake.set()

    def end(self) -> None:
        """Let ``run`` return."""
        self._ended = True
        self._wake.set()

    def run(self) -> None:
        """Send what is to be sent, until ``end``; what is raised is kept for ``check``."""
        try:
            while not self._ended:
                self._wake.clear()
                self.round()
                self._wake.wait(_LOOK_AGAIN_S)
        except Exception as err:  # noqa: BLE001 - a thread cannot raise it where it is heard
            self._fault = err

    def check(self) -> None:
        """Raise what ``run`` ended with, if it has: a node that sends nothing must not go on."""
        if self._fault is not None:
            raise self._fault

    def round(self) -> None:
        """Send what is to be sent and was not tried in vain just before."""
        for study in self.spool.studies():
            if self._ended:
                return
            if self._again_at.get(study, 0.0) > time.monotonic():
                continue
            with self.spool.claimed(study) as free:
                state = self.spool.state(study)
                if free and state.result and not state.done:
                    self._deliver(study, state)

    def _deliver(self, study: str, state: State) -> None:
        try:
            objects = objects_of(self.spool.results / state.result)
            for sent in send(_missing(objects, state), self.peer):
                state = replace(state, stored=(*state.stored, sent.stored.sop_instance))
                self.spool.set_state(study, state)
                kind = name_of(sent.stored.sop_class)
                note = {"note": sent.note} if sent.note else {}
                self.audit("stored", study=study, kind=kind, to=str(self.peer.address), **note)
        except (PeerError, OSError) as err:
            why = err.public if isinstance(err, PeerError) else f"the system says: {err.strerror}"
            self._later(study, why)
        except InputError:  # somebody touched the result: it is made again from the images
            self.spool.set_state(study, State())
            self.audit("result damaged", study=study, reason="it was changed: it is made again")
        else:
            self._pauses.pop(study, None)
            self._again_at.pop(study, None)
            self.spool.set_state(study, replace(state, done=True))
            self.audit("done", study=study, result=state.result)

    def _later(self, study: str, reason: str) -> None:
        pause = min(self._pauses.get(study, FIRST_PAUSE_S / 2) * 2, LONGEST_PAUSE_S)
        self._pauses[study], self._again_at[study] = pause, time.monotonic() + pause
        self.audit("not stored", study=study, reason=reason, again_in_s=pause)


def _missing(objects: tuple[Outgoing, ...], state: State) -> tuple[Outgoing, ...]:
    return tuple(stored for stored in objects if stored.sop_instance not in state.stored)
