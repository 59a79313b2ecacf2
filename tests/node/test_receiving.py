"""What the storage SCP takes and what it refuses, and what it writes down of that."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID

from negvol_cli.io.dicom import Identity, Received
from negvol_cli.node import durable, receiving, spool
from negvol_cli.node.receiving import DISCARDS, MISMATCH, NOT_SUPPORTED, NOT_UNDERSTOOD
from negvol_cli.node.spool import Kept
from tests.io.dicom.made_dicom import CT, ROOT, enhanced, places
from tests.node.nodes import CALLER, Scp, associate, small_study, store, unlike
from tests.node.orthanc import NODE_TITLE, until
from tests.node.standin import KINDS, made_object

MR = "1.2.840.10008.5.1.4.1.1.4"


def test_images_are_kept_and_counted_by_study(scp: Scp) -> None:
    assert set(store(scp.port, small_study(1) + small_study(2)[:5])) == {0}

    until(lambda: len(scp.said("received")) == 2, "nothing is said")
    assert sorted(said["new"] for said in scp.said("received")) == [5, len(small_study())]
    assert len(scp.images()) == len(small_study()) + 5


def test_an_image_is_answered_with_success_only_when_it_is_on_the_disk(
    scp: Scp, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(spool, "sync_folder", lambda folder: synced.append(folder))
    monkeypatch.setattr(durable.os, "fsync", lambda _: synced.append(Path("file")))

    store(scp.port, small_study()[:1])

    folder = scp.images()[0].parent
    assert synced[:3] == [Path("file"), folder.parent, folder]


def test_the_same_images_again_change_nothing(scp: Scp) -> None:
    store(scp.port, small_study())
    before = {path: path.stat().st_mtime_ns for path in scp.images()}
    study = scp.spool.studies()[0]
    digest = scp.spool.digest(study)

    assert set(store(scp.port, small_study())) == {0}

    assert {path: path.stat().st_mtime_ns for path in scp.images()} == before
    assert scp.spool.digest(study) == digest
    until(lambda: scp.said("received")[-1].get("same") == len(before), "it is not said")


def test_another_content_under_the_same_uid_takes_the_place_of_the_earlier_one(scp: Scp) -> None:
    store(scp.port, small_study())
    digest = scp.spool.digest(scp.spool.studies()[0])
    count = len(scp.images())

    store(scp.port, unlike(small_study(), 3))

    assert len(scp.images()) == count
    assert scp.spool.digest(scp.spool.studies()[0]) != digest
    until(lambda: scp.said("received")[-1].get("replaced") == count, "it is not said")


def test_two_patients_under_one_study_uid_stay_apart(scp: Scp) -> None:
    ours, theirs = small_study(), small_study()
    for image in theirs:
        image.PatientID = "P2"

    store(scp.port, ours + theirs)

    assert len(scp.spool.studies()) == 2


def test_no_uid_leads_out_of_the_spool(scp: Scp, tmp_path: Path) -> None:
    odd = small_study()[:4]
    for image, uid in zip(odd, ("../../../escaped", "/etc/escaped", "..", "a:b*c?"), strict=True):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(uid)
        image.StudyInstanceUID = image.SeriesInstanceUID = UID(uid)
    association = associate(scp.port)
    for image in odd:
        association.send_c_store(image)
    association.release()
    for uid in ("../../../escaped", "/etc/escaped", "..", "a\\b\0c"):
        image = Received(CT, uid, Identity(patient_id=uid, study_uid=uid, issuer=uid))
        assert scp.spool.keep(image, b"image", "0" * 64) is Kept.NEW

    assert len(scp.images()) >= 4
    assert all(path.is_relative_to(scp.folder) for path in tmp_path.rglob("*") if path.is_file())
    assert all(path.name.replace("-", "").split(".")[0].isalnum() for path in scp.images())
    assert not list(tmp_path.rglob("*escaped*"))


@pytest.mark.parametrize(
    ("calling", "called", "why"),
    [
        ("STRANGER", NODE_TITLE, "its AE title is not allowed"),
        (CALLER, "OTHER", "it calls 'OTHER', not 'NEGVOL'"),
    ],
)
def test_who_is_not_listed_or_calls_another_is_refused(
    scp: Scp, calling: str, called: str, why: str
) -> None:
    association = associate(scp.port, calling=calling, called=called)

    assert association.is_rejected
    until(lambda: scp.said("association refused"), "nothing is said")
    assert scp.said("association refused")[0]["reason"] == why
    assert scp.said("association refused")[0]["calling"] == calling


def test_more_associations_than_allowed_are_refused_and_those_there_go_on(
    start: Callable[..., Scp],
) -> None:
    scp = start(most_associations=2)
    first, second = associate(scp.port), associate(scp.port)
    third = associate(scp.port)

    assert third.is_rejected
    assert first.send_c_store(small_study()[0]).Status == 0
    for association in (first, second):
        association.release()
    until(lambda: scp.said("association refused"), "nothing is said")
    assert scp.said("association refused")[0]["reason"] == "more than 2 associations"


def test_silent_connections_do_not_hold_up_an_association(start: Callable[..., Scp]) -> None:
    scp = start(greeting_s=1.0)
    silent = [socket.create_connection(("127.0.0.1", scp.port)) for _ in range(30)]
    try:
        until(lambda: associate(scp.port).is_established, "held up")
    finally:
        for one in silent:
            one.close()


def test_what_is_no_ct_is_refused_and_the_log_says_what_it_was(scp: Scp) -> None:
    image = small_study()[0]
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = UID(MR)

    assert store(scp.port, [image, small_study()[1]], (MR, CT)) == [NOT_SUPPORTED, 0]
    assert scp.said("refused")[0]["reason"] == "MR Image Storage is not a CT: not measured"
    assert len(scp.images()) == 1


def test_what_is_no_storage_is_not_taken_and_said(scp: Scp) -> None:
    assert not associate(scp.port, ("1.2.840.10008.5.1.4.31",)).is_established

    until(lambda: scp.said("refused"), "nothing is said")
    assert scp.said("refused")[0]["reason"].endswith("Modality Worklist Information Model - FIND")


def test_what_comes_along_with_a_ct_our_own_results_among_it_is_discarded(scp: Scp) -> None:
    classes = tuple(sop_class for sop_class, _ in KINDS.values())
    results = [made_object(*kind, f"{ROOT}.9.1") for kind in KINDS.values()]

    statuses = store(scp.port, [*results, *small_study()], (CT, *classes))

    assert statuses == [DISCARDS] * len(results) + [0] * len(small_study())
    assert len(scp.images()) == len(small_study())
    assert (
        scp.said("discarded")[0]["reason"] == "Encapsulated PDF Storage is not a CT: not measured"
    )


def test_an_object_that_is_not_what_the_request_says_is_refused(scp: Scp) -> None:
    image = small_study()[0]
    image.SOPInstanceUID = UID(f"{ROOT}.77")
    association = associate(scp.port)
    request_says = small_study()[0].SOPInstanceUID
    send_msg = association.dimse.send_msg

    def lie(message: Any, context: int) -> None:
        message.AffectedSOPInstanceUID = request_says
        send_msg(message, context)

    association.dimse.send_msg = lie
    status = association.send_c_store(image)
    association.release()

    assert status.Status == MISMATCH
    assert scp.images() == []


def test_an_image_without_a_size_is_refused(scp: Scp) -> None:
    image = small_study()[0]
    image.Rows = 0

    assert store(scp.port, [image]) == [NOT_UNDERSTOOD]
    assert scp.said("refused")[0]["reason"] == "its header cannot be read"


def test_an_aborted_association_keeps_what_has_come(scp: Scp) -> None:
    association = associate(scp.port)
    for image in small_study()[:3]:
        association.send_c_store(image)
    association.abort()

    until(lambda: scp.said("received"), "nothing is said")
    assert scp.said("received")[0]["new"] == 3
    assert scp.said("association aborted")
    assert len(scp.images()) == 3


def test_an_object_larger_than_any_image_is_not_taken_into_memory(
    scp: Scp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_INSTANCE_BYTES", 1 << 18)
    shape = (40, 100, 100)
    big = enhanced(places_like(shape), places(shape[0]))

    association = associate(scp.port, (str(big.SOPClassUID),))
    status = association.send_c_store(big)

    assert "Status" not in status
    assert scp.images() == []
    assert associate(scp.port).is_established


def places_like(shape: tuple[int, int, int]) -> Any:
    from tests.io.dicom.made_dicom import ct_values

    return ct_values(shape)


def test_connections_that_end_before_a_word_or_in_nonsense_are_not_counted_against_others(
    scp: Scp,
) -> None:
    invalid_abort = bytes.fromhex("07000000000400003800")
    for number in range(30):
        with socket.create_connection(("127.0.0.1", scp.port)) as one:
            one.sendall(b"\1\0\0\0" if number % 2 else b"GET / HTTP/1.1\r\n\r\n")
    for _ in range(5):
        association = associate(scp.port)
        association.send_c_store(small_study()[0])
        association.dul.socket.send(invalid_abort)
        association.abort()

    until(lambda: associate(scp.port).is_established, "held up", 30)
    until(lambda: len(scp.said("received")) == 5, "not every association is told")
