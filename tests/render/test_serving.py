"""Served is what lies below the folder, to this machine, to who has the address; nothing else."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from negvol_cli.render import serving
from negvol_cli.render.serving import LOOPBACK, FolderServer, open_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FolderServer]:
    (tmp_path / "outside.txt").write_text("secret")
    folder = tmp_path / "out"
    (folder / "head 1").mkdir(parents=True)
    (folder / "summary.html").write_text("<p>Kiefer: größer", encoding="utf-8")
    (folder / "head 1" / "scene.glb").write_bytes(b"glTF")
    (folder / ".hidden").write_text("a lock")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "circle.txt").symlink_to(folder / "circle.txt")
    with open_server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: FolderServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers


def test_it_listens_on_the_loopback_alone(server: FolderServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_page_comes_as_it_is_and_is_kept_nowhere(server: FolderServer) -> None:
    status, body, headers = ask(server, f"/{server.secret}/summary.html")

    assert (status, body.decode()) == (200, "<p>Kiefer: größer")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_lies_deeper_comes_too_with_its_type(server: FolderServer) -> None:
    status, body, headers = ask(server, f"/{server.secret}/head%201/scene.glb")

    assert (status, body, headers["Content-Type"]) == (200, b"glTF", "model/gltf-binary")


def test_the_address_of_a_page_is_the_one_that_is_answered(server: FolderServer) -> None:
    path = server.address_of("summary.html").split(str(server.server_port))[1]

    assert ask(server, path)[0] == 200


def test_head_answers_without_a_body(server: FolderServer) -> None:
    status, body, headers = ask(server, f"/{server.secret}/summary.html", "HEAD")

    assert (status, body, headers["Content-Length"]) == (200, b"", "19")


@pytest.mark.parametrize(
    "path",
    [
        "/summary.html",
        "/wrong/summary.html",
        "/{secret}",
        "/{secret}/",
        "/{secret}/head%201/",
        "/{secret}/nothing.html",
        "/{secret}/.hidden",
        "/{secret}/link.txt",
        "/{secret}/../outside.txt",
        "/{secret}/%2e%2e/outside.txt",
        "/{secret}/head%201/..%2f..%2foutside.txt",
        "/{secret}/..%5coutside.txt",
        "/{secret}//etc/hostname",
        "/{secret}/%00",
        "/{secret}/" + "a" * 300,
        "/{secret}/circle.txt",
        "//[",
    ],
)
def test_nothing_else_is_to_be_had(server: FolderServer, path: str) -> None:
    status, body, _ = ask(server, path.format(secret=server.secret))

    assert status == 404
    assert b"secret" not in body
    assert b"scene.glb" not in body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "[::1]:{port}"]
)
def test_under_another_name_it_answers_nobody(server: FolderServer, host: str) -> None:
    path = f"/{server.secret}/summary.html"

    assert ask(server, path, host=host.format(port=server.server_port))[0] == 421


def test_localhost_is_this_machine(server: FolderServer) -> None:
    path = f"/{server.secret}/summary.html"

    assert ask(server, path, host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(server: FolderServer, method: str) -> None:
    assert ask(server, f"/{server.secret}/summary.html", method)[0] == 501


def test_every_server_has_another_secret(server: FolderServer, tmp_path: Path) -> None:
    with open_server(tmp_path) as other:
        assert other.secret != server.secret
        assert len(other.secret) >= 20


def test_the_entrance_shows_nothing_and_asks_for_the_code(server: FolderServer) -> None:
    status, body, headers = ask(server, "/")

    assert status == 200
    assert server.secret.encode() not in body
    assert b'name="code"' in body
    assert headers["Cache-Control"] == "no-store"


def test_the_code_leads_from_the_entrance_to_the_page(server: FolderServer) -> None:
    server.page = "summary.html"

    status, _, headers = ask(server, f"/?code={server.secret}")
    assert (status, headers["Location"]) == (303, server.address_of("summary.html"))

    for wrong in ("", server.secret[:-1], f"{server.secret}x", "%00", "%ff"):
        status, body, headers = ask(server, f"/?code={wrong}")
        assert (status, headers["Location"]) == (200, None)
        assert server.secret.encode() not in body


def connect(server: FolderServer, say: bytes = b"GET /") -> socket.socket:
    made = socket.create_connection((LOOPBACK, server.server_port), timeout=20)
    made.sendall(say)
    return made


def test_idle_strangers_keep_nobody_out_and_take_no_threads(server: FolderServer) -> None:
    before = threading.active_count()
    idle = [connect(server) for _ in range(200)]

    assert ask(server, f"/{server.secret}/summary.html")[0] == 200
    assert threading.active_count() - before <= serving.MOST_CONNECTIONS + 5  # some just ending
    for connection in idle:
        connection.close()


@pytest.mark.parametrize("said", [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_whoever_does_not_say_what_is_wanted_is_cut_off(
    server: FolderServer, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(serving, "ASKING_SECONDS", 0.2)
    connection = connect(server, said)

    assert connection.recv(100) == b""


def test_a_byte_now_and_then_buys_no_time(
    server: FolderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "ASKING_SECONDS", 0.5)
    connection = connect(server)

    sent = 0
    with suppress(OSError):
        while sent < 100:
            connection.sendall(b"a")
            sent += 1
            time.sleep(0.1)

    assert sent < 50


def test_a_known_reader_may_take_its_time(
    server: FolderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "ASKING_SECONDS", 0.2)
    large = bytes(20_000_000)
    (server.folder / "large.bin").write_bytes(large)
    host = f"{LOOPBACK}:{server.server_port}"
    connection = connect(
        server, f"GET /{server.secret}/large.bin HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    )

    time.sleep(1.5)
    received = b"".join(iter(lambda: connection.recv(1 << 20), b""))

    assert received.endswith(large)
