"""A PACS of one's own: Debian's Orthanc on free ports, started with a config that is written here.

It forwards what it is sent to a node by the Lua script that docs/pacs.md shows.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TITLE = "ORTHANC"
NODE_TITLE = "NEGVOL"
DEADLINE_S = 120.0
"""What is waited for takes a second or two; a busy machine takes much longer."""

FORWARD = """
function OnStableStudy(study, tags, metadata)
  local order = {Resources = {study}, Asynchronous = true}
  RestApiPost('/modalities/negvol/store', DumpJson(order))
end
"""


def executable() -> str | None:
    """Where Orthanc is; Debian puts it where only root looks."""
    return shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port on which nobody listens and that this process has not been given before.

    The system's own choice would do neither: it gives the same port twice if nobody has taken it
    in between, and lends it to any connection that goes out meanwhile.
    """
    for port in _PORTS:
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port between 10000 and 32000 is free")


_PORTS = iter(random.Random(os.getpid()).sample(range(10_000, 32_000), 22_000))
"""Below those that Linux lends to outgoing connections, in another order in every process."""


class Orthanc:
    """A running Orthanc; its files lie in ``folder``."""

    def __init__(self, folder: Path, *, node_port: int, script: str = "", **settings: Any) -> None:
        self.dicom_port, self.http_port = free_port(), free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        config: dict[str, Any] = {
            "Name": "test",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "index"),
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": TITLE,
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowStore": True,
            "DicomModalities": {"negvol": [NODE_TITLE, "127.0.0.1", node_port]},
            "DicomAssociationCloseDelay": 0,
            "OverwriteInstances": False,
            "Plugins": [],
            "StableAge": 1,
        }
        if script:
            (folder / "forward.lua").write_text(script)
            config["LuaScripts"] = [str(folder / "forward.lua")]
        (folder / "orthanc.json").write_text(json.dumps(config | settings))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As ``negvol send --to`` takes it."""
        return f"{TITLE}@127.0.0.1:{self.dicom_port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()  # it takes seconds to end by itself
            self._process.wait()

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [executable(), str(self._folder / "orthanc.json")], stdout=log, stderr=log
            )
        until(self._answers, "Orthanc does not answer")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def get(self, path: str) -> Any:
        """What REST gives as JSON."""
        return json.loads(self.bytes_of(path))

    def bytes_of(self, path: str) -> bytes:
        """What REST gives."""
        with urllib.request.urlopen(self._url(path)) as answer:  # noqa: S310 - our own
            return answer.read()

    def post(self, path: str, content: bytes) -> Any:
        """What REST answers to content."""
        request = urllib.request.Request(self._url(path), content)  # noqa: S310 - our own
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own
            return json.loads(answer.read())

    def take(self, files: Iterable[Path]) -> None:
        """Put files in."""
        for file in files:
            self.post("/instances", file.read_bytes())

    def instances(self, modality: str = "") -> list[str]:
        """Orthanc's names of the instances, those of one modality if it is named."""
        found = []
        for series in self.get("/series?expand"):
            if not modality or series["MainDicomTags"].get("Modality") == modality:
                found += series["Instances"]
        return sorted(found)

    def arrivals(self) -> int:
        """How many new instances it has ever noted; an equal one that comes again is none."""
        changes = self.get("/changes?limit=100000")["Changes"]
        return sum(change["ChangeType"] == "NewInstance" for change in changes)

    def forward(self, instances: Iterable[str]) -> None:
        """Send instances to the node, as a person may ask for."""
        self.post("/modalities/negvol/store", json.dumps(list(instances)).encode())

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.http_port}{path}"

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            return bool(self.get("/system"))
        except (urllib.error.URLError, ConnectionError):
            return False


def until(holds: Any, otherwise: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait until ``holds()``; an AssertionError says ``otherwise``."""
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, otherwise() if callable(otherwise) else otherwise
        time.sleep(0.05)
