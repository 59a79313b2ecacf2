"""``negvol node`` as a process: what it measures, what it does not, and what it stores back."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom.dataset import FileDataset

from negvol_cli.node.tls import Tls
from tests.io.dicom.made_dicom import image
from tests.node.nodes import Node, associate, small_study, store, unlike
from tests.node.orthanc import FORWARD, Orthanc, free_port, until

RESULTS = 3
NewNode = Callable[..., Node]


def done(node: Node, count: int) -> None:
    node.await_event("done", count)


def test_two_studies_at_once_are_both_measured_and_stored(
    pacs: Orthanc, new_node: NewNode, node_port: int
) -> None:
    node = new_node(pacs.address, "--jobs", "2")
    node.start()
    senders = [
        threading.Thread(target=store, args=(node_port, small_study(number))) for number in (1, 2)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    done(node, 2)

    assert len({event["study"] for event in node.events("measured")}) == 2
    assert len(pacs.instances()) == pacs.arrivals() == 2 * RESULTS


def test_a_study_that_comes_again_changes_nothing_and_one_with_more_is_measured_again(
    pacs: Orthanc, new_node: NewNode, node_port: int
) -> None:
    study = small_study()
    node = new_node(pacs.address)
    node.start()
    store(node_port, study[:-2])
    done(node, 1)

    store(node_port, study[:-2])
    node.await_event("received", 2)
    store(node_port, small_study(2))
    done(node, 2)  # the other study has come round; the one that came again has not
    assert len(node.events("measured")) == 2
    assert pacs.arrivals() == 2 * RESULTS

    store(node_port, study)
    done(node, 3)
    store(node_port, unlike(small_study(), 4))
    done(node, 4)

    assert [event["earlier"] for event in node.events("measured")] == [False] * 4
    assert pacs.arrivals() == 4 * RESULTS
    assert [event["images"] for event in node.events("measuring")] == [20, 22, 22, 22]
    assert node.events("received")[-1]["replaced"] == len(study)


def test_a_pacs_that_is_down_gets_the_results_when_it_is_up_again(
    pacs: Orthanc, new_node: NewNode, node_port: int
) -> None:
    node = new_node(pacs.address)
    pacs.stop()
    node.start()
    store(node_port, small_study())
    node.await_event("not stored")
    assert f"nothing listens at {pacs.address}" in node.reasons("not stored")[0]

    pacs.start()
    done(node, 1)

    assert pacs.arrivals() == RESULTS


def test_a_pacs_that_forwards_everything_makes_no_loop(new_node: NewNode, tmp_path: Path) -> None:
    port = free_port()
    with Orthanc(tmp_path / "looping", node_port=port, script=FORWARD) as pacs:
        node = new_node(pacs.address, port=port)
        node.start()
        for number, made in enumerate(small_study()):
            made.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
        pacs.take(tmp_path.glob("*.dcm"))
        done(node, 1)
        until(lambda: len(node.events("discarded")) >= RESULTS, node.said)

        assert len(node.events("measured")) == 1
        assert pacs.arrivals() == len(small_study()) + RESULTS


def no_heads() -> dict[str, list[FileDataset]]:
    """Studies that are no head CT, by the reason."""
    thick, scouts, pictures = small_study(2), small_study(3), small_study(4)
    for number, made in enumerate(thick):
        made.ImagePositionPatient = [0, 0, 7 * number]
    for made in scouts:
        made.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    for made in pictures:
        made.RescaleType = "OD"
    return {
        "2 image(s), where a scan has many": small_study(1)[:2],
        "thick slices (7 mm apart; more than 3 mm)": thick,
        "a localiser image": scouts,
        "values that are not Hounsfield units": pictures,
    }


def test_what_is_no_head_ct_is_refused_with_the_reason_and_nothing_is_stored(
    nobody: str, new_node: NewNode, node_port: int
) -> None:
    node = new_node(nobody)
    node.start()
    studies = no_heads()
    for images in studies.values():
        for made in images:
            made.PatientName = made.PatientID = made.SeriesDescription = "Secret"
        store(node_port, images)
    node.await_event("not measured", len(studies))

    said = node.reasons("not measured")
    assert [why for why in studies if not any(why in reason for reason in said)] == []
    assert node.events("measuring") == []
    assert "Secret" not in node.said()
    node.end()
    states = [json.loads(path.read_text()) for path in (node.spool / "states").iterdir()]
    assert [(state["done"], state["result"]) for state in states] == [(True, "")] * len(studies)


def test_a_series_of_600_slices_takes_no_memory(
    nobody: str, new_node: NewNode, node_port: int
) -> None:
    node = new_node(nobody, "--quiet-seconds", "3600")
    process = psutil.Process(node.start().pid)
    hu = np.random.default_rng(1).integers(-1000, 2000, (256, 256)).astype(np.int16)
    association = associate(node_port)
    association.send_c_store(image(hu, (0, 0, 0), 0))
    before = process.memory_info().rss
    for number in range(1, 600):
        assert association.send_c_store(image(hu, (0, 0, number), number)).Status == 0
    grown_mib = (process.memory_info().rss - before) / 2**20
    association.release()

    assert len(list((node.spool / "studies").rglob("*.dcm"))) == 600
    assert grown_mib < 30  # of 75 that were sent


def test_a_port_or_a_spool_that_is_taken_is_said_in_a_sentence(
    nobody: str, new_node: NewNode, tmp_path: Path
) -> None:
    first = new_node(nobody)
    first.start()
    same_port = new_node(nobody, spool=tmp_path / "other")
    same_port.start()
    same_spool = new_node(nobody, port=free_port())
    same_spool.start()

    assert (same_port.wait_for_death(), same_spool.wait_for_death()) == (1, 1)
    assert "cannot listen on 127.0.0.1" in same_port.said()
    assert "another node uses" in same_spool.said()
    assert not first.is_dead()


def test_it_listens_on_this_machine_alone(nobody: str, new_node: NewNode) -> None:
    node = new_node(nobody)
    process = psutil.Process(node.start().pid)

    listening = [c.laddr for c in process.net_connections() if c.status == psutil.CONN_LISTEN]

    assert [(where.ip, where.port) for where in listening] == [("127.0.0.1", node.port)]
    assert node.end(signal.SIGTERM) == 128 + signal.SIGTERM
    assert [event["event"] for event in node.events()] == ["started", "stopped"]


def test_with_tls_both_ways_are_encrypted_and_nobody_comes_in_without(
    new_node: NewNode, node_port: int, certificates: Path, tmp_path: Path
) -> None:
    storescp = shutil.which("storescp", path="/usr/bin:/usr/local/bin")
    if storescp is None:
        pytest.skip("dcmtk is not installed")
    ca, cert, key = (certificates / name for name in ("ca.pem", "ours.pem", "ours.key"))
    port, came = free_port(), tmp_path / "came"
    came.mkdir()
    options = ("--tls", "--tls-ca", str(ca), "--tls-cert", str(cert), "--tls-key", str(key))
    with subprocess.Popen(
        [storescp, "+tls", str(key), str(cert), "+cf", str(ca), "-od", str(came), str(port)]
    ) as pacs:
        try:
            node = new_node(f"PACS@localhost:{port}", *options)
            node.start()
            assert not associate(node_port).is_established
            ours = Tls(authorities=ca, certificate=cert, key=key).for_client()
            association = associate(node_port, tls_args=(ours, "localhost"))
            for made in small_study():
                assert association.send_c_store(made).Status == 0
            association.release()
            done(node, 1)
        finally:
            pacs.terminate()

    assert len(list(came.iterdir())) == RESULTS
