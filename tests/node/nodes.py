"""A node in a process of its own, and studies to send to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pynetdicom
from pydicom.dataset import FileDataset

from negvol_cli.node.spool import Spool
from negvol_cli.node.state import State
from tests.io.dicom.made_dicom import CT, ROOT, SHAPE, ct_values, places, series_of
from tests.node.orthanc import DEADLINE_S, NODE_TITLE, until
from tests.robustness.forked import ROOT as TOP
from tests.robustness.forked import environment

CALLER = "MODALITY"


def small_study(number: int = 1, shape: tuple[int, int, int] = SHAPE) -> list[FileDataset]:
    """A series of small slices that can be measured as far as their headers tell."""
    return series_of(
        ct_values(shape, seed=number),
        places(shape[0]),
        series=f"{ROOT}.{number}",
        study=f"{ROOT}.9.{number}",
    )


class Node:
    """``negvol node`` on a spool; ``standin``: with a measurement that takes no time."""

    def __init__(self, spool: Path, port: int, store_to: str, *options: str, standin: bool = True):
        self.spool, self.port = spool, port
        self._standin = standin
        self._command = [
            *("node", "--aet", NODE_TITLE, "--port", str(port), "--store-to", store_to),
            *("--spool", str(spool), "--quiet-seconds", "1", "--device", "cpu", "--threads", "1"),
            *("--allow", "ORTHANC", "--allow", CALLER, *options),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, kill: str = "") -> subprocess.Popen[bytes]:
        """Start it, to be killed at a step; wait until it listens, or is dead before that."""
        start = ["-m", "negvol_cli"]
        if self._standin:
            start = ["-m", "tests.node.standin", *(("--kill", kill) if kill else ()), "--"]
        before = len(self.events("started"))
        with (self.spool.parent / f"{self.spool.name}.err").open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, *start, *self._command],
                cwd=TOP,
                env=environment(),
                stdout=subprocess.DEVNULL,
                stderr=err,
            )
        until(lambda: len(self.events("started")) > before or self.is_dead(), self.said)
        return self.process

    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def wait_for_death(self) -> int:
        """How it ended, by itself or by a kill that was ordered."""
        return self.process.wait(DEADLINE_S)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The lines of the audit log, all of them or those of one event."""
        path = self.spool / "audit.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
        events = [json.loads(line) for line in lines]
        return [event for event in events if not name or event["event"] == name]

    def reasons(self, event: str) -> list[str]:
        """Why, of each such event."""
        return [said["reason"] for said in self.events(event)]

    def await_event(self, name: str, count: int = 1, deadline_s: float = DEADLINE_S) -> None:
        """Wait until the log has so many of these."""
        until(lambda: len(self.events(name)) >= count, self.said, deadline_s)

    def said(self) -> str:
        """What it has printed and logged, for a failed test."""
        printed = self.spool.parent / f"{self.spool.name}.err"
        return "\n".join([printed.read_text(), *map(str, self.events())])


def associate(
    port: int,
    classes: tuple[str, ...] = (CT,),
    *,
    calling: str = CALLER,
    called: str = NODE_TITLE,
    **named: Any,
) -> pynetdicom.association.Association:
    """An association with the node, established or not."""
    entity = pynetdicom.AE(calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 60
    for sop_class in classes:
        entity.add_requested_context(sop_class)
    return entity.associate("127.0.0.1", port, ae_title=called, **named)


def store(port: int, images: list[FileDataset], classes: tuple[str, ...] = (CT,)) -> list[int]:
    """Send images over one association; the statuses."""
    association = associate(port, classes)
    assert association.is_established
    statuses = [association.send_c_store(image).get("Status", -1) for image in images]
    association.release()
    return statuses


def unlike(images: list[FileDataset], seed: int) -> list[FileDataset]:
    """The same images with other noise, under the same UIDs."""
    rng = np.random.default_rng(seed)
    for image in images:
        noise = rng.integers(0, 5, image.pixel_array.shape).astype(np.int16)
        image.PixelData = (image.pixel_array + noise).astype("<i2").tobytes()
    return images


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
