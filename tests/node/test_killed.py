"""A node that is killed with -9 between any two steps: everything arrives once."""

from __future__ import annotations

import signal
import sys
import urllib.error
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.node.nodes import Node, small_study
from tests.node.orthanc import Orthanc

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is not Windows's")

WHILE_RECEIVING = ("write:1:before", "place:5:after", "answer:9:after")
AFTERWARDS = (
    *("choose:1:before", "measuring:1:before", "measuring:1:after", "state:1:before"),
    *("state:1:after", "sent:1:before", "state:1:after", "state:2:before", "state:1:after"),
)
"""Each goes on where the one before was killed: measured, then sent object by object, then done."""
RESULTS = 3


def forwarded(pacs: Orthanc) -> bool:
    """Have the PACS send all its CT images; whether it could."""
    try:
        pacs.forward(pacs.instances("CT"))
    except urllib.error.HTTPError:
        return False
    return True


def killed_at(node: Node, step: str, meanwhile: Callable[[], object] = lambda: None) -> None:
    node.start(step)
    meanwhile()
    assert node.wait_for_death() == -signal.SIGKILL, f"{step}\n{node.said()}"


def test_a_node_killed_at_any_step_loses_nothing_and_does_nothing_twice(
    pacs: Orthanc, new_node: Callable[..., Node], tmp_path: Path
) -> None:
    study = small_study()
    for number, image in enumerate(study):
        image.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    pacs.take(tmp_path.glob("*.dcm"))
    node = new_node(pacs.address)

    for step in WHILE_RECEIVING:
        killed_at(node, step, lambda: forwarded(pacs))
    node.start()
    assert forwarded(pacs)
    node.end(signal.SIGKILL)
    for step in AFTERWARDS:
        killed_at(node, step)
    node.start()
    node.await_event("done")

    results = set(pacs.instances()) - set(pacs.instances("CT"))
    assert len(results) == RESULTS
    assert pacs.arrivals() == len(study) + RESULTS  # not one more, whatever was sent again
    assert len(list((node.spool / "studies").rglob("*.dcm"))) == len(study)
    assert list((node.spool / "arriving").iterdir()) == []
    assert len({event["study"] for event in node.events() if "study" in event}) == 1
    so_far = [event["so_far"] for event in node.events("found at start")]
    assert sorted(set(so_far), key=so_far.index) == [
        "received",
        *(f"measured, {stored} objects stored" for stored in range(RESULTS + 1)),
    ]
