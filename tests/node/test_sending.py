"""``negvol send`` and ``negvol doctor --to``: what arrives, and one sentence for what does not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pynetdicom
import pytest
from click.testing import CliRunner, Result
from pynetdicom import evt

from negvol_cli.cli import main
from negvol_cli.errors import InputError, PeerError
from negvol_cli.io.dicom import response
from negvol_cli.io.hashing import digest_of
from negvol_cli.node.address import Address
from negvol_cli.node.contexts import SENT, VERIFICATION
from negvol_cli.node.listening import Listening, listening
from negvol_cli.node.peer import Peer
from negvol_cli.node.sending import objects_of, send
from negvol_cli.node.tls import Tls
from tests.io.dicom.made_dicom import ROOT
from tests.node.orthanc import Orthanc, free_port
from tests.node.standin import KINDS, made_object

TITLE = "PACS"


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A result folder with three DICOM objects."""
    folder = tmp_path / "ct-0123abcd"
    (folder / "dicom").mkdir(parents=True)
    files = {}
    for name, kind in KINDS.items():
        path = folder / "dicom" / name
        made_object(*kind, f"{ROOT}.9").save_as(path, enforce_file_format=True)
        files[f"dicom/{name}"] = digest_of([path])
    (folder / "run.json").write_text(json.dumps({"files": files}))
    return folder


@pytest.fixture
def scp() -> Iterator[Callable[..., tuple[str, list[str]]]]:
    """Start a storage SCP that answers as told; its address, and the UIDs that have come."""
    with ExitStack() as started:

        def start(
            answer: Callable[[int], Any] = lambda _: 0,
            classes: tuple[str, ...] = tuple(kind.uid for kind in SENT),
            **required: Any,
        ) -> tuple[str, list[str]]:
            port, came = free_port(), []
            entity = pynetdicom.AE(TITLE)
            entity.require_called_aet = True
            for name, value in required.items():
                setattr(entity, name, value)
            for sop_class in (*classes, VERIFICATION):
                entity.add_supported_context(sop_class)

            def store(event: Any) -> Any:
                came.append(str(event.request.AffectedSOPInstanceUID))
                return answer(len(came))

            server = entity.start_server(
                ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
            )
            started.callback(server.shutdown)
            return f"{TITLE}@127.0.0.1:{port}", came

        yield start


def sent(result: Path, to: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["send", str(result), "--to", to, "--retries", "0", *options])


def why(result: Path, to: str, *options: str) -> str:
    """The one sentence with which sending ends."""
    ended = sent(result, to, *options)
    assert ended.exit_code == 1, ended.output
    assert ended.stderr.count("\n") == 1
    return ended.stderr.removeprefix("negvol: ").strip()


def test_what_is_sent_arrives_in_orthanc_and_sending_it_again_changes_nothing(
    pacs: Orthanc, result: Path
) -> None:
    first = sent(result, pacs.address)
    again = sent(result, pacs.address)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert len(first.stdout.splitlines()) == len(KINDS)
    uids = {
        pacs.get(f"/instances/{i}")["MainDicomTags"]["SOPInstanceUID"] for i in pacs.instances()
    }
    assert uids == {stored.sop_instance for stored in objects_of(result)}
    assert pacs.arrivals() == len(KINDS)


def test_an_unknown_title_is_said(pacs: Orthanc, result: Path) -> None:
    wrong = pacs.address.replace("ORTHANC", "OTHER")

    assert why(result, wrong) == (
        f"{wrong} refuses the association: its AE title is not OTHER: give the right one"
    )


def test_a_calling_title_that_is_not_known_there_is_said(scp: Any, result: Path) -> None:
    to, _ = scp(require_calling_aet=["SOMEBODY"])

    assert "does not know the AE title NEGVOL: enter that there" in why(result, to)
    assert sent(result, to, "--aet", "SOMEBODY").exit_code == 0


def test_a_class_that_is_not_taken_is_said_and_the_others_are_sent(scp: Any, result: Path) -> None:
    to, came = scp(classes=tuple(kind.uid for kind in SENT if "SR" in kind.name))

    assert f"{to} does not take Encapsulated PDF Storage" in why(result, to) or (
        f"{to} does not take Segmentation Storage" in why(result, to)
    )
    assert came


def test_nothing_that_is_taken_is_said(scp: Any, result: Path) -> None:
    to, _ = scp(classes=())

    assert "accepts none of the kinds of objects" in why(result, to)


def test_a_host_that_is_down_a_wrong_port_and_an_unknown_host_are_told_apart(
    pacs: Orthanc, result: Path
) -> None:
    http = pacs.address.replace(str(pacs.dicom_port), str(pacs.http_port))

    assert f"nothing listens at PACS@127.0.0.1:{(port := free_port())}" in why(
        result, f"PACS@127.0.0.1:{port}"
    )
    assert "does not answer as a DICOM node: check the port" in why(result, http)
    assert "is not known here: check its name" in why(result, "PACS@no-such-host.invalid:104")


def test_an_object_that_is_refused_is_said_with_the_reason(scp: Any, result: Path) -> None:
    to, _ = scp(lambda _: response(0xC123, "no such patient"))

    assert "(status 0xC123, 'no such patient')" in why(result, to)


def test_the_other_side_s_own_words_are_not_for_the_log(scp: Any, result: Path) -> None:
    to, _ = scp(lambda _: response(0xC123, "Doe^John is unknown"))
    peer = Peer(address=Address.parse(to), own_title="NEGVOL")

    with pytest.raises(PeerError) as raised:
        list(send(objects_of(result), peer))

    assert "Doe" in str(raised.value)
    assert "Doe" not in raised.value.public
    assert "status 0xC123" in raised.value.public


def test_a_warning_counts_as_stored_and_is_said(scp: Any, result: Path) -> None:
    to, came = scp(lambda _: 0xB000)
    ended = sent(result, to)

    assert ended.exit_code == 0
    assert ended.stderr.count("changed some of its elements") == len(came) == len(KINDS)


def test_what_has_no_room_is_tried_again_and_only_that(scp: Any, result: Path) -> None:
    to, came = scp(lambda number: 0xA700 if number == 2 else 0)
    pauses: list[float] = []
    peer = Peer(address=Address.parse(to), own_title="NEGVOL")

    assert len(list(send(objects_of(result), peer, tries=3, wait=pauses.append))) == len(KINDS)

    assert len(came) == len(KINDS) + 1
    assert len(set(came)) == len(KINDS)
    assert len(pauses) == 1


def test_tries_end_with_growing_pauses(result: Path) -> None:
    pauses: list[float] = []
    peer = Peer(address=Address.parse(f"PACS@127.0.0.1:{free_port()}"), own_title="NEGVOL")

    with pytest.raises(PeerError, match="nothing listens"):
        list(send(objects_of(result), peer, tries=3, wait=pauses.append))

    assert pauses == [2.0, 4.0]


def test_a_result_without_dicom_or_one_that_was_changed_is_not_sent(
    scp: Any, result: Path, tmp_path: Path
) -> None:
    to, came = scp()
    changed = result / "dicom" / "report.dcm"
    changed.write_bytes(changed.read_bytes() + b"\0\0")

    assert "was changed since it was made" in sent(result, to).stderr
    shutil.rmtree(result / "dicom")
    without = sent(result, to)
    assert "contains no DICOM objects" in without.stderr
    assert "negvol run --dicom-out" in without.stderr
    assert without.exit_code == sent(tmp_path / "nothing", to).exit_code == InputError.exit_code
    assert came == []


@pytest.mark.parametrize(
    "to", ["PACS", "PACS@host", "PACS@host:0", "@host:104", "A" * 17 + "@host:104", "A\\B@host:104"]
)
def test_an_address_that_is_none_is_wrong_usage(result: Path, to: str) -> None:
    ended = sent(result, to)

    assert ended.exit_code == 2
    assert "AE title" in ended.stderr or "AET@host:port" in ended.stderr


def test_an_address_may_be_of_ipv6() -> None:
    assert Address.parse("PACS@[::1]:104") == Address("PACS", "::1", 104)
    assert str(Address("PACS", "::1", 104)) == "PACS@[::1]:104"


def test_doctor_asks_the_other_side(scp: Any) -> None:
    from negvol_cli.doctor import _peer

    to, _ = scp()
    nobody = f"PACS@127.0.0.1:{free_port()}"

    assert f"{to} answers (C-ECHO" in _peer(Peer(address=Address.parse(to), own_title="N")).text
    found = _peer(Peer(address=Address.parse(nobody), own_title="N"))
    assert (str(found.level), "nothing listens" in found.text) == ("broken", True)


def tls(folder: Path, ca: str = "ca", cert: str = "ours") -> Tls:
    return Tls(
        authorities=folder / f"{ca}.pem",
        certificate=folder / f"{cert}.pem",
        key=folder / f"{cert}.key",
    )


@pytest.fixture
def secure(certificates: Path) -> Iterator[int]:
    """The port of a node that listens with TLS."""

    class Echo:
        def handlers(self) -> list[Any]:
            return []

    port = free_port()
    where = Listening(
        title=TITLE,
        host="127.0.0.1",
        port=port,
        callers=("NEGVOL",),
        most_associations=4,
        tls=tls(certificates).for_server(),
    )
    with listening(where, Echo()):
        yield port


def test_tls_lets_in_who_has_a_certificate_and_nobody_else(secure: int, certificates: Path) -> None:
    address = Address(TITLE, "127.0.0.1", secure)

    Peer(address=address, own_title="NEGVOL", tls=tls(certificates)).verify()
    for wrong, said in (
        (None, "speaks it in TLS|without TLS|in TLS"),
        (tls(certificates, ca="otherca"), "there is no TLS with .* check --tls-ca"),
        (tls(certificates, cert="theirs"), "there is no TLS with"),
    ):
        with pytest.raises(PeerError, match=said):
            Peer(address=address, own_title="NEGVOL", tls=wrong, timeout_s=5.0).verify()


def test_tls_of_dcmtk_is_spoken(certificates: Path, result: Path, tmp_path: Path) -> None:
    storescp = shutil.which("storescp", path="/usr/bin:/usr/local/bin")
    if storescp is None:
        pytest.skip("dcmtk is not installed")
    port, came = free_port(), tmp_path / "came"
    came.mkdir()
    names = [str(certificates / name) for name in ("ours.key", "ours.pem", "ca.pem")]
    with subprocess.Popen(
        [storescp, "+tls", *names[:2], "+cf", names[2], "-od", str(came), "-aet", TITLE, str(port)]
    ) as other:
        try:
            peer = Peer(
                address=Address(TITLE, "localhost", port), own_title="N", tls=tls(certificates)
            )
            stored = list(send(objects_of(result), peer, tries=5, wait=_half_a_second))
        finally:
            other.terminate()

    assert len(stored) == len(list(came.iterdir())) == len(KINDS)


def _half_a_second(_: float) -> None:
    import time

    time.sleep(0.5)


@pytest.mark.parametrize("name", ["missing.pem", "names"])
def test_a_file_that_is_no_certificate_is_said(certificates: Path, name: str) -> None:
    with pytest.raises(InputError, match=name):
        Tls(authorities=certificates / name).for_client()
