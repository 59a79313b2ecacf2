"""What the storage SCP takes and what it refuses, and what it writes down of that."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import UID

from negvol_cli.io.dicom import Identity, Received
from negvol_cli.node import durable, receiving, spool
from negvol_cli.node.audit import Audit
from negvol_cli.node.listening import Listening, listening
from negvol_cli.node.receiving import (
    DISCARDS,
    FAILED,
    FULL,
    MISMATCH,
    NOT_SUPPORTED,
    NOT_UNDERSTOOD,
    Receiver,
)
from negvol_cli.node.spool import Kept, Spool
from negvol_cli.node.state import State
from tests.io.dicom.made_dicom import CT, ROOT, enhanced, places
from tests.node.nodes import CALLER, associate, small_study, store, unlike
from tests.node.orthanc import NODE_TITLE, free_port, until
from tests.node.standin import KINDS, made_object

MR = "1.2.840.10008.5.1.4.1.1.4"


class Scp:
    """An SCP in this process."""

    def __init__(self, folder: Path, port: int, kept: Spool, log: list[tuple[str, dict[str, Any]]]):
        self.folder, self.port, self.spool, self.log = folder, port, kept, log

    def said(self, event: str) -> list[dict[str, Any]]:
        return [said for name, said in self.log if name == event]

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def images(self) -> list[Path]:
        return [path for path in self.files() if path.suffix == ".dcm"]

    def finish(self, study: str) -> None:
        """Say that nothing is left to be done of a study."""
        self.spool.set_state(study, State(measured=self.spool.digest(study), done=True))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Scp]]:
    """Start an SCP whose spool may hold so many bytes."""
    with ExitStack() as started:

        def start(
            most_bytes: int = 1 << 30, most_associations: int = 3, greeting_s: float = 60.0
        ) -> Scp:
            log: list[tuple[str, dict[str, Any]]] = []
            folder, port = tmp_path / "spool", free_port()
            kept = Spool(folder, most_bytes)
            started.enter_context(kept.held())
            audit = Audit(folder, lambda event, said: log.append((event, said)))
            where = Listening(
                title=NODE_TITLE,
                host="127.0.0.1",
                port=port,
                callers=(CALLER,),
                most_associations=most_associations,
                greeting_s=greeting_s,
            )
            started.enter_context(listening(where, Receiver(kept, audit)))
            return Scp(folder, port, kept, log)

        yield start


@pytest.fixture
def scp(start: Callable[..., Scp]) -> Scp:
    return start()


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
    assert scp.said("refused")[0]["reason"] == "MR Image Storage is no CT: not measured"
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
    assert scp.said("discarded")[0]["reason"] == "Encapsulated PDF Storage is no CT: not measured"


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


def test_a_full_spool_refuses_and_loses_nothing_of_what_it_has(start: Callable[..., Scp]) -> None:
    scp = start(most_bytes=20_000)
    statuses = store(scp.port, small_study())

    kept = statuses.count(0)
    assert 0 < kept < len(statuses)
    assert statuses == [0] * kept + [FULL] * (len(statuses) - kept)
    assert len(scp.images()) == kept
    assert scp.said("refused")[0]["reason"] == "the spool is full"


def test_finished_studies_make_room_for_new_ones_and_are_known_again(
    start: Callable[..., Scp],
) -> None:
    scp = start(most_bytes=60_000)
    store(scp.port, small_study(1))
    first = scp.spool.studies()[0]
    scp.finish(first)
    folder = scp.spool.result_folder(first, "0123abcd")
    folder.mkdir()
    (folder / "run.json").write_text("{}")

    assert set(store(scp.port, small_study(2))) == {0}
    assert first not in scp.spool.studies()
    assert not folder.exists()

    scp.finish(scp.spool.studies()[0])
    assert set(store(scp.port, small_study(1))) == {0}
    assert scp.spool.is_done(first)


@pytest.mark.parametrize(("number", "status"), [(28, FULL), (5, FAILED)], ids=["full", "broken"])
def test_a_disk_that_fails_is_said_and_leaves_nothing(
    scp: Scp, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    def fails(_: int) -> None:
        raise OSError(number, "No")

    monkeypatch.setattr(durable.os, "fsync", fails)

    assert store(scp.port, small_study()[:2]) == [status] * 2
    assert scp.images() == []
    assert list((scp.folder / "arriving").iterdir()) == []
    monkeypatch.undo()
    assert store(scp.port, small_study()[:2]) == [0, 0]


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


def test_the_log_and_the_names_in_the_spool_name_nobody(scp: Scp) -> None:
    images = small_study()
    for image in images:
        image.PatientName, image.PatientID = "Secret^Name", "SECRETID"
        image.SeriesDescription = image.StudyDescription = "SECRETWORDS"
    store(scp.port, images)
    until(lambda: scp.said("received"), "nothing is said")

    names = "\n".join(str(path) for path in scp.files())
    log = (scp.folder / "audit.jsonl").read_text()
    for secret in ("Secret", "SECRET", ROOT):
        assert secret not in names
        assert secret not in log
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["received"]


def test_half_a_line_that_a_kill_left_in_the_log_is_removed(tmp_path: Path) -> None:
    Audit(tmp_path)("one", study="1")
    with (tmp_path / "audit.jsonl").open("a") as file:
        file.write('{"time": "2026-')

    Audit(tmp_path)("two")

    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["one", "two"]


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


def test_of_two_contents_that_a_kill_left_under_one_uid_the_newer_stays(scp: Scp) -> None:
    store(scp.port, small_study())
    study = scp.spool.studies()[0]
    digest = scp.spool.digest(study)
    count = len(scp.images())
    older = scp.images()[0]
    newer = older.with_name(f"{older.name.partition('-')[0]}-{'f' * 20}.dcm")
    newer.write_bytes(b"newer")
    os.utime(newer, ns=(1 << 62, 1 << 62))

    assert scp.spool.digest(study) != digest
    assert newer in scp.images()
    assert older not in scp.images()
    assert len(scp.images()) == count


def test_a_state_that_is_none_is_a_fresh_one() -> None:
    for content in (b"", b"[]", b'{"schema": 99}', b'{"schema": 1, "odd": 2}', b"\xff"):
        assert State.from_bytes(content) == State()
    known = State(measured="m", result="r", stored=("1", "2"), done=True)
    assert State.from_bytes(known.to_bytes()) == known


def test_what_was_done_long_ago_is_removed_and_nothing_else(scp: Scp) -> None:
    store(scp.port, small_study(1) + small_study(2))
    first, second = scp.spool.studies()
    scp.finish(first)

    assert scp.spool.forget_older(1.0) == ()
    assert scp.spool.forget_older(0.0) == (first,)
    assert scp.spool.studies() == (second,)


def test_the_log_may_be_rotated_by_renaming(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit("one")
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit.1.jsonl")
    audit("two")

    assert "two" in (tmp_path / "audit.jsonl").read_text()
    assert "two" not in (tmp_path / "audit.1.jsonl").read_text()
