"""The scans below a folder, each with a name of its own, and what is left out and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from negvol_cli.batch.candidates import Candidate, Discovery, LeftOut
from negvol_cli.batch.naming import Claim, unique_names
from negvol_cli.batch.search import Hit, Looking, Search
from negvol_cli.batch.source import digest_of_file
from negvol_cli.errors import InputError
from negvol_cli.io.dicom import Identity

Pseudonym = Callable[[Identity, str], str]


def discover(
    folder: Path,
    out: Path | None = None,
    looking: Looking = lambda _: None,
    pseudonym: Pseudonym | None = None,
) -> Discovery:
    """Every scan below ``folder``, and what is left out and why, in the order of their paths.

    Hidden files, results of negvol and the folder ``out`` are not searched. ``looking`` gets the
    path of what is being looked at. With ``pseudonym``, which gets an identity and what tells the
    content (see ``Pseudonyms.name_for``), scans are known by what it returns alone. Raises
    InputError where ``folder`` is none or cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder to be searched for scans")
    search = Search(folder, out, looking)
    search.run()
    hits = sorted(search.hits, key=lambda hit: (hit.candidate.shown, hit.identity))
    left_out = sorted(search.left_out, key=lambda left: left.shown)
    if pseudonym is None:
        scans = _named(hits)
    else:
        hits, copies = _under_pseudonyms(hits, pseudonym)
        left_out += copies
        scans = tuple(replace(scan, shown=scan.name) for scan in _named(hits))
    return Discovery(scans=scans, left_out=tuple(left_out), private=pseudonym is not None)


def _named(hits: Iterable[Hit]) -> tuple[Candidate, ...]:
    claims = [Claim(wanted=hit.wanted, identity=hit.identity) for hit in hits]
    named = zip(hits, unique_names(claims), strict=True)
    return tuple(replace(hit.candidate, name=name) for hit, name in named)


def _under_pseudonyms(
    hits: Iterable[Hit], pseudonym: Pseudonym
) -> tuple[list[Hit], tuple[LeftOut, ...]]:
    """The hits with pseudonyms for names; the same content under one pseudonym is measured once."""
    named: dict[str, Hit] = {}
    copies = []
    for hit in hits:
        content = hit.content or _content_of(hit.candidate)
        wanted = pseudonym(hit.who, content)
        identity = f"{wanted} {content}"
        if identity in named:
            copies.append(LeftOut(shown=hit.candidate.shown, reason="a copy of the same scan"))
        named.setdefault(identity, replace(hit, wanted=wanted, identity=identity))
    return list(named.values()), tuple(copies)


def _content_of(candidate: Candidate) -> str:
    """The SHA-256 of an image file; what cannot be read is told by its place, and fails later."""
    try:
        return digest_of_file(candidate)
    except (InputError, OSError):
        return f"unreadable {candidate.shown}"
