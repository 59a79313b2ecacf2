"""What the node keeps of what it was sent, and the log of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from negvol_cli.node import durable
from negvol_cli.node.audit import Audit
from negvol_cli.node.receiving import FAILED, FULL
from negvol_cli.node.state import State
from tests.io.dicom.made_dicom import ROOT
from tests.node.nodes import Scp, small_study, store
from tests.node.orthanc import until


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
