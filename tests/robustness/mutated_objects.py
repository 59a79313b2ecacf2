"""A node that is sent mutated objects, and mutated words of the protocol.

    python -m tests.robustness.mutated_objects --count 1000

Each object must be answered, with success only where it lies in the spool; the node must stay
alive, small, and of use: what is sound is taken, measured and stored afterwards. Nothing may come
to lie outside the spool.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pynetdicom.dimse_primitives import C_STORE

from tests.io.dicom.made_dicom import CT
from tests.node.nodes import Node, associate, small_study, store
from tests.node.orthanc import free_port
from tests.robustness.mutations import OF_DICOM

KNOWN = {0x0000, 0xC000, 0xA900, 0xA700, 0x0110, 0x0122, 0xB006}
LIMIT_S = 60.0
LIMIT_MIB = 400.0
PROTOCOL_EVERY = 10
"""Every tenth mutant is not an object, but what the node is told before or around one."""


@dataclass(slots=True)
class Tally:
    """What the answers were, and what should not have been."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    grown_mib: float = 0.0


def send_all(count: int, seed: int, folder: Path) -> Tally:
    """Send ``count`` mutants to a node on ``folder/spool``, then a sound study."""
    rng, tally, port = np.random.default_rng(seed), Tally(), free_port()
    node = Node(folder / "spool", port, f"PACS@127.0.0.1:{free_port()}", "--quiet-seconds", "2")
    process = psutil.Process(node.start().pid)
    try:
        before = process.memory_info().rss
        originals = [_encoded(image) for image in small_study(9)[:5]]
        for number in range(count):
            start = time.monotonic()
            if number % PROTOCOL_EVERY == 0:
                answer = _mutated_protocol(port, rng)
            else:
                answer = _mutated_object(port, originals, rng)
            tally.slowest_s = max(tally.slowest_s, time.monotonic() - start)
            tally.answers[answer] += 1
            if answer.startswith(("no", "odd")):
                tally.faults.append(f"mutant {number}: {answer}")
            if node.is_dead():
                tally.faults.append(f"dead at mutant {number}: {node.said()[-2000:]}")
                return tally
        tally.grown_mib = (process.memory_info().rss - before) / 2**20
        tally.faults += _after(node, tally, folder)
    finally:
        if not node.is_dead():
            node.process.kill()
            node.process.wait()
    return tally


def _after(node: Node, tally: Tally, folder: Path) -> list[str]:
    """What is wrong when all mutants are through."""
    faults = []
    kept = len(list((node.spool / "studies").rglob("*.dcm")))
    if kept > tally.answers["0x0000"]:
        faults.append(f"{kept} images kept, {tally.answers['0x0000']} answered with success")
    outside = [p for p in folder.rglob("*") if p.is_file() and node.spool not in p.parents]
    faults += [f"outside the spool: {p.name}" for p in outside if p.name != "spool.err"]
    study = small_study(10)
    if store(node.port, study) != [0] * len(study):
        faults.append("a sound study is not taken any more")
    measured = len(node.events("measured"))
    node.await_event("measured", measured + 1)
    before, _, traced = node.said().partition("Traceback")
    if traced:
        faults.append(f"a traceback was printed: {before[-300:]}Traceback{traced[:3000]}")
    return faults


def _encoded(image: Any) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, image)
    return stream.getvalue()


def _mutated_object(port: int, originals: list[bytes], rng: np.random.Generator) -> str:
    original = originals[int(rng.integers(len(originals)))]
    mutate = OF_DICOM[int(rng.integers(len(OF_DICOM)))]
    content = mutate(rng, bytes(132) + original)[132:] or b"\0"  # nothing at all is not sent
    association = associate(port)
    if not association.is_established:
        return "not established"
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = CT
    request.AffectedSOPInstanceUID = str(small_study(9)[originals.index(original)].SOPInstanceUID)
    request.DataSet = BytesIO(content)
    association._reactor_checkpoint.clear()
    context = association.accepted_contexts[0].context_id
    association.dimse.send_msg(request, context)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    association.release()
    if answer is None:
        return "no answer"
    return f"0x{answer.Status:04X}" if answer.Status in KNOWN else f"odd 0x{answer.Status:04X}"


def _mutated_protocol(port: int, rng: np.random.Generator) -> str:
    """An association's first words, changed, or nonsense in an association that stands."""
    if rng.random() < 0.5:
        association = associate(port)
        if not association.is_established:
            return "not established"
        nonsense = rng.bytes(int(rng.integers(1, 400)))
        head = bytes([int(rng.integers(1, 8)), 0]) + len(nonsense).to_bytes(4, "big")
        association.dul.socket.send(head + nonsense)
        time.sleep(0.05)
        association.abort()
        return "in an association, nonsense"
    words = bytearray(_first_words())
    for _ in range(int(rng.integers(1, 6))):
        words[int(rng.integers(len(words)))] = int(rng.integers(256))
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection:
        connection.sendall(bytes(words[: int(rng.integers(1, len(words) + 1))]))
        connection.settimeout(0.2)
        try:
            connection.recv(4096)
        except OSError:
            return "changed first words, no answer"
    return "changed first words"


def _first_words() -> bytes:
    """An A-ASSOCIATE-RQ as a user of storage says it."""
    from pynetdicom import AE
    from pynetdicom.pdu import A_ASSOCIATE_RQ
    from pynetdicom.pdu_primitives import (
        A_ASSOCIATE,
        ImplementationClassUIDNotification,
        MaximumLengthNotification,
    )

    entity = AE("MODALITY")
    entity.add_requested_context(CT)
    asked = A_ASSOCIATE()
    asked.application_context_name = "1.2.840.10008.3.1.1.1"
    asked.calling_ae_title, asked.called_ae_title = "MODALITY", "NEGVOL"
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16382
    implementation.implementation_class_uid = entity.implementation_class_uid
    asked.user_information = [length, implementation]
    contexts = entity.requested_contexts
    contexts[0].context_id = 1
    asked.presentation_context_definition_list = contexts
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(asked)
    return bytes(pdu.encode())


def main() -> int:
    """Print the answers and every fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="negvol-objects-") as folder:
        tally = send_all(args.count, args.seed, Path(folder))
    for answer, number in sorted(tally.answers.items()):
        print(f"{number:6} {answer}")
    print(f"slowest {tally.slowest_s:.1f} s, memory grown by {tally.grown_mib:.0f} MiB")
    print("\n".join(tally.faults) or "no fault")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
