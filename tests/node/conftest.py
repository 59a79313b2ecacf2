"""A PACS, and nodes that are ended with the test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynetdicom", reason="the extra 'dicom' is not installed")

from negvol_cli.node.audit import Audit
from negvol_cli.node.listening import Listening, listening
from negvol_cli.node.receiving import Receiver
from negvol_cli.node.spool import Spool
from tests.node.nodes import CALLER, Node, Scp
from tests.node.orthanc import NODE_TITLE, Orthanc, executable, free_port


@pytest.fixture
def node_port() -> int:
    """A free port, for a node."""
    return free_port()


@pytest.fixture
def pacs(tmp_path: Path, node_port: int) -> Iterator[Orthanc]:
    """An Orthanc that knows the node."""
    if executable() is None:
        pytest.skip("Orthanc is not installed (Debian's package orthanc)")
    with Orthanc(tmp_path / "orthanc", node_port=node_port) as running:
        yield running


@pytest.fixture
def nobody() -> str:
    """A PACS that does not answer."""
    return f"PACS@127.0.0.1:{free_port()}"


@pytest.fixture
def new_node(tmp_path: Path, node_port: int) -> Iterator[Callable[..., Node]]:
    """Make a node on a spool; whatever was started is ended."""
    made: list[Node] = []

    def make(
        store_to: str,
        *options: str,
        spool: Path = tmp_path / "spool",
        port: int = node_port,
        **named: Any,
    ) -> Node:
        made.append(Node(spool, port, store_to, *options, **named))
        return made[-1]

    yield make
    for node in made:
        if node.process is not None and not node.is_dead():
            node.process.kill()
            node.process.wait()


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


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a certificate of this host by it, and another CA with a certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*args: str) -> None:
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for ca, cert in (("ca", "ours"), ("otherca", "theirs")):
        openssl(
            *("req", "-x509", *new, "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-days", "2"),
            *("-subj", f"/CN={ca}"),
        )
        openssl("req", *new, "-keyout", f"{cert}.key", "-out", f"{cert}.csr", "-subj", "/CN=n")
        openssl(
            *("x509", "-req", "-in", f"{cert}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key"),
            *("-CAcreateserial", "-out", f"{cert}.pem", "-days", "2", "-extfile", "names"),
        )
    return folder
