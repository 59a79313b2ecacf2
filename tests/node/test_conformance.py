"""The conformance statement is what the code does."""

from __future__ import annotations

from pydicom.uid import UID

from docs.make_conformance import PLACE, statement
from negvol_cli.io.dicom.codestream import _is_decoded
from negvol_cli.io.dicom.headers import CT_CLASSES
from negvol_cli.node.contexts import DISCARDED, MEASURED, READ, SENT


def test_the_statement_is_made_from_the_code() -> None:
    assert PLACE.read_text(encoding="utf-8") == statement()


def test_what_is_measured_is_what_is_read_as_ct() -> None:
    assert {kind.uid for kind in MEASURED} == CT_CLASSES


def test_every_encoding_that_is_accepted_can_be_decoded() -> None:
    assert [kind.name for kind in READ if not _is_decoded(kind.uid)] == []


def test_the_names_are_those_of_the_standard() -> None:
    for kind in (*MEASURED, *DISCARDED, *READ, *SENT):
        assert UID(kind.uid).name == kind.name
