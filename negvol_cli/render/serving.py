"""A result folder over HTTP, for this machine only and read-only."""

from __future__ import annotations

import mimetypes
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from negvol_cli.errors import OutputError

LOOPBACK: Final = "127.0.0.1"

MOST_CONNECTIONS: Final = 32
"""At once; a browser has six for one address."""
ASKING_SECONDS: Final = 10.0
"""How long somebody may take to say what is wanted; a browser on this machine does so at once."""
SENDING_SECONDS: Final = 60.0
"""How long whoever takes a file may pause."""

_ENTRANCE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>negvol</title>
<body style="font: 1rem system-ui; margin: 3rem">
<form><label>Code, as printed in the terminal:
<input name="code" type="password" autocomplete="off" autofocus size="26"></label>
<button>Open</button></form>
"""

_TYPES: Final = {".glb": "model/gltf-binary", ".ply": "model/ply", ".stl": "model/stl"}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def serve(page: Path, port: int, ready: Callable[[str, str, str], None]) -> None:
    """Serve ``page`` and what lies beside and below it on 127.0.0.1, until Ctrl-C.

    ``ready`` is called with the page's address, with that of an entrance and with the code that the
    entrance asks for. The page's address contains the code, which is secret, so that other users of
    this machine, who can reach its loopback interface, cannot read the page. They can also read the
    arguments of every program: a browser must be started on the entrance. Port 0 takes any free
    port.

    Raises
    ------
    OutputError
        The port is not available.
    """
    with open_server(page.parent, port) as server:
        server.page = page.name
        ready(server.address_of(page.name), server.entrance, server.secret)
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
    """Answers GET and HEAD for ``/<secret>/<file below folder>``.

    ``page`` is where the entrance, ``/``, leads whoever knows the secret.
    """

    daemon_threads = True
    request_queue_size = 128  # with five, one in many connections is made a second late

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder.resolve()
        self.secret = secrets.token_urlsafe(16)
        self.page = ""
        self._lock = threading.Lock()
        self._strangers: dict[socket.socket, float] = {}
        self._known: set[socket.socket] = set()
        super().__init__((LOOPBACK, port), partial(_Handler))

    @property
    def entrance(self) -> str:
        """The address of the page that asks for the secret."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread, in the place of the stranger who waited longest where there are many."""
        with self._lock:
            if len(self._known) >= MOST_CONNECTIONS:
                self.shutdown_request(request)
                return
            if len(self._known) + len(self._strangers) >= MOST_CONNECTIONS:
                self._hang_up(next(iter(self._strangers)))
            self._strangers[request] = time.monotonic()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Hang up on those who have not asked for anything for a while; called twice a second."""
        with self._lock:
            late = time.monotonic() - ASKING_SECONDS
            for request in [r for r, since in self._strangers.items() if since < late]:
                self._hang_up(request)

    def close_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        self._strangers.pop(request, None)
        self._known.discard(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever hangs up, or is hung up on, is no fault."""

    def admit(self, request: Any) -> None:
        """Note that whoever asks knows the secret, and may take its time."""
        with self._lock:
            if self._strangers.pop(request, None) is not None:
                self._known.add(request)

    def _hang_up(self, request: socket.socket) -> None:
        del self._strangers[request]
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)  # its thread sees the end, and closes it

    def knows(self, secret: str) -> bool:
        """Whether this is the secret, in a time that tells nothing of it."""
        return secrets.compare_digest(secret.encode(), self.secret.encode())

    def address_of(self, name: str) -> str:
        """Return the address of a file below the folder."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.secret}/{quote(name)}"

    def find(self, path: str) -> Path | None:
        """Return the file that a request's path names, or None if it may not be seen."""
        first, *parts = unquote(urlsplit(path).path).removeprefix("/").split("/")
        if not self.knows(first):
            return None
        if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        try:
            file = self.folder.joinpath(*parts).resolve()
            return file if file.is_file() and file.is_relative_to(self.folder) else None
        except (OSError, RuntimeError):  # a name too long, links in a circle
            return None


class _Handler(BaseHTTPRequestHandler):
    server: FolderServer
    server_version = "negvol"
    timeout = SENDING_SECONDS
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
        try:
            at_entrance = urlsplit(self.path).path == "/"
            path = self.server.find(self.path)
        except ValueError:  # no address at all
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        if at_entrance:
            self._let_in(with_body=with_body)
            return
        if path is not None:
            self.server.admit(self.request)
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

    def _let_in(self, *, with_body: bool) -> None:
        """Ask for the secret; to whom has it, say where the page is."""
        given = parse_qs(urlsplit(self.path).query).get("code", [""])[0].strip()
        if self.server.knows(given):
            self.send_response(HTTPStatus.SEE_OTHER)
            self.send_header("Location", self.server.address_of(self.server.page))
        else:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
        body = b"" if self.server.knows(given) else _ENTRANCE.encode()
        for name, value in {**_HEADERS, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _type_of(path: Path) -> str:
    known = _TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    if known and (known.startswith("text/") or known == "application/json"):
        return f"{known}; charset=utf-8"
    return known or "application/octet-stream"
