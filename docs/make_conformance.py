"""Write docs/conformance.md: the DICOM conformance statement (PS3.2), from the code's own contexts.

    python docs/make_conformance.py

The words are in docs/conformance.md.in. Needs the extra ``dicom``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from negvol_cli.node import receiving
from negvol_cli.node.contexts import DISCARDED, MEASURED, PLAIN, READ, SENT, VERIFICATION, Kind
from negvol_cli.node.listening import Listening, entity_of
from negvol_cli.node.peer import TIMEOUT_S

PLACE: Final = Path(__file__).with_name("conformance.md")

STATUSES: Final = (
    (receiving.SUCCESS, "Success", "The image is on the disk, or was there already."),
    (receiving.DISCARDS, "Warning", "It came along with a CT and is not kept."),
    (receiving.NOT_SUPPORTED, "Failure", "Its class is that of no CT."),
    (receiving.FULL, "Failure", "There is no room for it: the spool or the disk is full."),
    (receiving.FAILED, "Failure", "It cannot be written for another reason."),
    (receiving.MISMATCH, "Failure", "It is not what the request says."),
    (receiving.NOT_UNDERSTOOD, "Failure", "Its header cannot be read as that of a CT."),
)


def statement() -> str:
    """The statement, as Markdown. Raises NegvolError without the extra ``dicom``."""
    where = Listening(title="NEGVOL", host="", port=0, callers=(), most_associations=8)
    entity = entity_of(where)
    return (
        PLACE.with_name("conformance.md.in")
        .read_text(encoding="utf-8")
        .format(
            class_uid=entity.implementation_class_uid,
            version_name=entity.implementation_version_name,
            pdu=entity.maximum_pdu_size,
            timeout=TIMEOUT_S,
            idle=where.timeout_s,
            verification=VERIFICATION,
            plain=" or ".join(kind.name for kind in PLAIN),
            measured=table("SOP class", MEASURED),
            discarded=table("SOP class", DISCARDED),
            read=table("Transfer syntax", READ),
            statuses="\n".join(
                f"| {code:04X} | {kind} | {text} |" for code, kind, text in STATUSES
            ),
            sent=table("SOP class", SENT),
        )
    )


def table(heading: str, kinds: Iterable[Kind]) -> str:
    """The kinds with their UIDs, as a table."""
    rows = "\n".join(f"| {kind.name} | {kind.uid} |" for kind in kinds)
    return f"| {heading} | UID |\n|---|---|\n{rows}"


if __name__ == "__main__":
    PLACE.write_text(statement(), encoding="utf-8")
