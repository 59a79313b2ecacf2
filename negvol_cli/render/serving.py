"""A result folder over HTTP, for this machine only and read-only."""

from __future__ import annotations

import mimetypes
import secrets
import shutil
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from negvol_cli.errors import OutputError

LOOPBACK: Final = "127.0.0.1"

_TYPES: Final = {".glb": "model/gltf-binary", ".ply": "model/ply", ".stl": "model/stl"}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def serve(page: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve ``page`` and what lies beside and below it on 127.0.0.1, until Ctrl-C.

    ``ready`` is called with the address. The address contains a secret, so that other users of this
    machine, who can reach its loopback interface, cannot read the page. Port 0 takes any free port.

    Raises
    ------
    OutputError
        The port is not available.
    """
    with open_server(page.parent, port) as server:
        ready(server.address_of(page.name))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def open_server(folder: Path, port: int = 0) -> FolderServer:
    """Start a server for the files below ``folder``; raises like ``serve``."""
    try:
        return FolderServer(folder, port)
    except (OSError, OverflowError) as err:
        raise OutputError(
            f"cannot listen on {LOOPBACK}:{port} ({err}): choose another --port"
        ) from err


class FolderServer(ThreadingHTTPServer):
    """Answers GET and HEAD for ``/<secret>/<file below folder>``."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder.resolve()
        self.secret = secrets.token_urlsafe(16)
        super().__init__((LOOPBACK, port), partial(_Handler))

    def address_of(self, name: str) -> str:
        """Return the address of a file below the folder."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.secret}/{quote(name)}"

    def find(self, path: str) -> Path | None:
        """Return the file that a request's path names, or None if it may not be seen."""
        first, *parts = unquote(urlsplit(path).path).removeprefix("/").split("/")
        if not secrets.compare_digest(first.encode(), self.secret.encode()):
            return None
        if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        file = self.folder.joinpath(*parts).resolve()
        return file if file.is_file() and file.is_relative_to(self.folder) else None


class _Handler(BaseHTTPRequestHandler):
    server: FolderServer
    server_version = "negvol"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        """Say nothing: the names in requests may be those of patients."""

    def _answer(self, *, with_body: bool) -> None:
        # A page elsewhere can point its own name at 127.0.0.1 (DNS rebinding): its name betrays it.
        port = self.server.server_port
        if self.headers.get("Host") not in (f"{LOOPBACK}:{port}", f"localhost:{port}"):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = self.server.find(self.path)
        try:
            if path is None:
                raise FileNotFoundError
            with path.open("rb") as file:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", _type_of(path))
                self.send_header("Content-Length", str(path.stat().st_size))
                for name, value in _HEADERS.items():
                    self.send_header(name, value)
                self.end_headers()
                if with_body:
                    shutil.copyfileobj(file, self.wfile)
        except ConnectionError:  # whoever asked has left
            return
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)


def _type_of(path: Path) -> str:
    known = _TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    if known and (known.startswith("text/") or known == "application/json"):
        return f"{known}; charset=utf-8"
    return known or "application/octet-stream"
