"""The DICOM objects of a result, sent to another node (C-STORE)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from negvol_cli.errors import InputError, PeerError
from negvol_cli.io.dicom import Outgoing, outgoing
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.output_folder import DICOM_FOLDER, RESULT_MARK
from negvol_cli.node.contexts import PLAIN, name_of
from negvol_cli.node.peer import Peer

_WARNINGS: Final = {
    0xB000: "changed some of its elements",
    0xB006: "discarded some of its elements",
    0xB007: "holds that it does not match its class",
}
"""Statuses with which an object is stored all the same (PS3.4, table B.2-1)."""
_FULL: Final = range(0xA700, 0xA800)
"""Out of resources (PS3.4, table B.2-1)."""
_PAUSE_S: Final = 2.0
"""Before the second try, doubled before each further one: six tries cover a minute, in which a PACS
may be restarted."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An object that the other side has stored; ``note`` says with which reservation, if any."""

    stored: Outgoing
    note: str = ""


def objects_of(result: Path, *, whole: bool = True) -> tuple[Outgoing, ...]:
    """The DICOM objects in a result folder, in the order of their names.

    With ``whole`` each must still be what ``run.json`` says. Raises InputError where there are
    none, or where one is damaged.
    """
    if not result.is_dir():
        raise InputError(f"{result} is no folder: give a result of 'negvol run --dicom-out'")
    paths = sorted((result / DICOM_FOLDER).glob("*.dcm"))
    if not paths:
        raise InputError(
            f"{result} contains no DICOM objects (no {DICOM_FOLDER}/ with .dcm files): make it "
            "again with 'negvol run --dicom-out'"
        )
    if whole:
        _check_whole(result, paths)
    try:
        return tuple(map(outgoing, paths))
    except OSError as err:
        raise InputError(f"cannot read {err.filename}: {err.strerror}") from err


def send(
    objects: Sequence[Outgoing],
    peer: Peer,
    *,
    tries: int = 1,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[Sent]:
    """Send each object, over one association where that holds; give each that is stored.

    What another try may mend is tried ``tries`` times in all, with growing pauses. Raises PeerError
    after the last; what has been given by then is stored there.
    """
    waiting = list(objects)
    if not waiting:
        return
    for number in range(1, tries + 1):
        try:
            for sent in _send_once(tuple(waiting), peer):
                waiting.remove(sent.stored)
                yield sent
            return
        except PeerError as err:
            if err.lasting or number == tries:
                raise
        wait(_PAUSE_S * 2 ** (number - 1))


def _send_once(objects: Sequence[Outgoing], peer: Peer) -> Iterator[Sent]:
    plain = [kind.uid for kind in PLAIN]
    wanted: dict[str, list[str]] = {}
    for stored in objects:
        syntaxes = wanted.setdefault(stored.sop_class, [])
        offered = [stored.syntax, *plain] if stored.syntax in plain else [stored.syntax]
        syntaxes += [uid for uid in offered if uid not in syntaxes]
    refused: PeerError | None = None
    with peer.associated(wanted) as association:
        accepted = {context.abstract_syntax for context in association.accepted_contexts}
        for stored in objects:
            if stored.sop_class not in accepted:
                refused = PeerError(
                    f"{peer.address} does not take {name_of(stored.sop_class)}: allow it there",
                    lasting=True,
                )
                continue
            try:
                status = association.send_c_store(stored.path)
            except (RuntimeError, ValueError, AttributeError) as err:
                raise _cannot_send(stored, peer, err) from err
            try:
                yield Sent(stored, _note(status, stored, peer))
            except PeerError as err:
                if not association.is_established:
                    raise
                refused = err
    if refused is not None:
        raise refused


def _cannot_send(stored: Outgoing, peer: Peer, err: Exception) -> PeerError:
    if isinstance(err, RuntimeError):
        return PeerError(f"{peer.address} ended the association: try again")
    return PeerError(
        f"{peer.address} does not take {name_of(stored.sop_class)} in any encoding that it can be "
        "sent in: allow Explicit VR Little Endian there",
        lasting=True,
    )


def _note(status: Any, stored: Outgoing, peer: Peer) -> str:
    """The reservation with which an object was stored. Raises PeerError where it was not."""
    code = status.get("Status")
    kind = name_of(stored.sop_class)
    if code is None:
        raise PeerError(
            f"{peer.address} did not answer when it was sent {kind}: look into its log, and try "
            "again"
        )
    if code == 0:
        return ""
    if code in _WARNINGS:
        return f"{peer.address} stored {kind}, but {_WARNINGS[code]}"
    said = "".join(c if c.isprintable() else "?" for c in str(status.get("ErrorComment") or ""))
    bare = f"status 0x{code:04X}"
    raise PeerError(
        _refusal(peer, kind, code, f"{bare}, {said!r}" if said else bare),
        lasting=code not in _FULL,
        public=_refusal(peer, kind, code, bare),
    )


def _refusal(peer: Peer, kind: str, code: int, why: str) -> str:
    if code in _FULL:
        return f"{peer.address} has no room for {kind} ({why}): make room there"
    return f"{peer.address} refuses {kind} ({why}): look into its log for the reason"


def _check_whole(result: Path, paths: Sequence[Path]) -> None:
    try:
        files = json.loads((result / RESULT_MARK).read_text(encoding="utf-8"))["files"]
        sound = all(
            digest_of([path]) == files[path.relative_to(result).as_posix()] for path in paths
        )
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise InputError(
            f"{result} is no whole result of negvol ({RESULT_MARK} does not name its DICOM "
            "objects): make it again"
        ) from err
    if not sound:
        raise InputError(f"{result} was changed since it was made: make it again, then send it")
