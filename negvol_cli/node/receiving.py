"""The storage SCP: takes images in from listed nodes, and says of each what became of it."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from negvol_cli.errors import InputError
from negvol_cli.io.dicom import received_image, response
from negvol_cli.node.audit import Audit
from negvol_cli.node.contexts import DISCARDED, MEASURED
from negvol_cli.node.library import pynetdicom
from negvol_cli.node.spool import FullError, Spool, study_name

if TYPE_CHECKING:
    from pynetdicom.events import Event

# Statuses of C-STORE (PS3.4, table B.2-1) and of every service (PS3.7, annex C).
SUCCESS: Final = 0x0000
FAILED: Final = 0x0110
NOT_SUPPORTED: Final = 0x0122
FULL: Final = 0xA700
MISMATCH: Final = 0xA900
NOT_UNDERSTOOD: Final = 0xC000
DISCARDS: Final = 0xB006

MOST_INSTANCE_BYTES: Final = 2**30
"""An Enhanced CT of 2000 slices of 512 x 512; it is held in memory until it is whole."""

_DISCARDED_UIDS: Final = {kind.uid for kind in DISCARDED}
_MEASURED_UIDS: Final = {kind.uid for kind in MEASURED}
_MOST_KINDS_NAMED: Final = 5
"""An association may offer 128 (PS3.8, 9.3.2.2); a line of the log stays one that can be read."""
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Receiver:
    """What happens with whatever other nodes send; its methods run in pynetdicom's threads.

    An image is answered with success once it is on the disk, and not before.
    """

    def __init__(self, spool: Spool, audit: Audit) -> None:
        self._spool, self._audit = spool, audit
        self._lock = threading.Lock()
        self._tallies: dict[Any, dict[str, Counter[str]]] = {}
        self._coming: Counter[Any] = Counter()

    def handlers(self) -> list[tuple[Any, Callable[[Event], Any]]]:
        """What pynetdicom is to call for which event."""
        evt = pynetdicom().evt
        return [
            (evt.EVT_C_STORE, self.store),
            (evt.EVT_C_ECHO, self.echo),
            (evt.EVT_DATA_RECV, self.data),
            (evt.EVT_ACCEPTED, self.accepted),
            (evt.EVT_REJECTED, self.rejected),
            (evt.EVT_ABORTED, self.aborted),
            (evt.EVT_CONN_CLOSE, self.closed),
        ]

    def store(self, event: Any) -> Any:
        """Answer a C-STORE."""
        self._coming.pop(event.assoc, None)
        request = event.request
        sop_class = str(request.AffectedSOPClassUID)
        if sop_class not in _MEASURED_UIDS:
            return self._no_ct(event, sop_class, _clean(request.AffectedSOPClassUID))
        try:
            return self._kept(event, sop_class, str(request.AffectedSOPInstanceUID))
        except InputError as err:
            self._tell("refused", event, reason=str(err))
            return response(NOT_UNDERSTOOD, str(err))
        except FullError:
            self._tell("refused", event, reason="the spool is full")
            return response(FULL, "the spool is full")
        except OSError as err:
            why = f"it cannot be written ({err.strerror})"
            self._tell("refused", event, reason=why)
            return response(FULL if err.errno in _NO_ROOM else FAILED, why)

    def echo(self, event: Event) -> int:
        """Answer a C-ECHO."""
        self._coming.pop(event.assoc, None)
        self._tell("verified", event)
        return SUCCESS

    def data(self, event: Event) -> None:
        """Count what comes before it is a whole message, and end what is larger than any image."""
        self._coming[event.assoc] += len(event.data)
        if self._coming[event.assoc] > MOST_INSTANCE_BYTES:
            self._coming.pop(event.assoc)
            self._tell("refused", event, reason=f"more than {MOST_INSTANCE_BYTES >> 20} MiB in one")
            event.assoc.abort(block=False)

    def accepted(self, event: Any) -> None:
        """Note what was offered where nothing of it is taken."""
        if event.assoc.accepted_contexts:
            return
        kinds = sorted({_clean(cx.abstract_syntax) for cx in event.assoc.rejected_contexts})
        named = ", ".join(kinds[:_MOST_KINDS_NAMED])
        self._tell("refused", event, reason=f"no storage, or not encoded to be read: {named}")

    def rejected(self, event: Any) -> None:
        """Note why an association was refused."""
        entity, asked = event.assoc.ae, event.assoc.requestor.primitive
        if asked.called_ae_title != entity.ae_title:
            why = f"it calls {asked.called_ae_title!r}, not {entity.ae_title!r}"
        elif asked.calling_ae_title not in entity.require_calling_aet:
            why = "its AE title is not allowed"
        else:
            why = f"more than {entity.maximum_associations} associations"
        self._tell("association refused", event, reason=why)

    def aborted(self, event: Event) -> None:
        """Note that an association did not end as it should; what has come stays."""
        self._tell("association aborted", event)

    def closed(self, event: Event) -> None:
        """Note what an association has brought, by study."""
        self._coming.pop(event.assoc, None)
        with self._lock:
            tallies = self._tallies.pop(event.assoc, {})
        for study, counts in tallies.items():
            self._tell("received", event, study=study, **counts)

    def _no_ct(self, event: Any, sop_class: str, name: str) -> Any:
        why = f"{name} is not a CT: not measured"
        discarded = sop_class in _DISCARDED_UIDS
        self._tell("discarded" if discarded else "refused", event, reason=why)
        return response(DISCARDS if discarded else NOT_SUPPORTED, why)

    def _kept(self, event: Any, sop_class: str, instance: str) -> Any:
        if event.request.DataSet is None:
            raise InputError("it comes without an object")
        content = event.encoded_dataset()
        image = received_image(content)
        if (image.sop_class, image.sop_instance) != (sop_class, instance):
            why = "it is not what the request says"
            self._tell("refused", event, reason=why)
            return response(MISMATCH, why)
        syntax = str(event.context.transfer_syntax)
        digest = hashlib.sha256(syntax.encode())
        digest.update(event.request.DataSet.getbuffer())
        study = study_name(image)
        kept = self._spool.keep(image, content, digest.hexdigest())
        with self._lock:
            self._tallies.setdefault(event.assoc, {}).setdefault(study, Counter())[str(kept)] += 1
        return SUCCESS

    def _tell(self, event: str, of: Event, **said: Any) -> None:
        asked = of.assoc.requestor.primitive
        title = "" if asked is None else str(asked.calling_ae_title)
        self._audit(event, calling=title, address=str(of.assoc.requestor.address), **said)


def _clean(uid: str) -> str:
    """The name of a SOP class, or its UID without what no UID holds."""
    named = getattr(uid, "name", uid)
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in str(named))[:64]
