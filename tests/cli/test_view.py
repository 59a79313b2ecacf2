"""``negvol view`` finds the page of a result, and opens it where there is a browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest

from negvol_cli.render import viewing
from tests.cli.conftest import Negvol


def result(folder: Path, page: str = "report.html") -> Path:
    folder.mkdir(parents=True)
    (folder / page).write_text("<p>a page", encoding="utf-8")
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    urls: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda url: urls.append(url) or True)
    return urls


@pytest.mark.parametrize("given", ["out/head 1", "out", "out/head 1/report.html"])
def test_a_scans_folder_the_one_around_it_and_the_page_itself_will_do(
    negvol: Negvol, tmp_path: Path, opened: list[str], given: str
) -> None:
    page = result(tmp_path / "out" / "head 1") / "report.html"

    called = negvol("view", given)

    assert called.exit_code == 0, called.stderr
    assert opened == [page.as_uri()]
    assert called.stdout == f"{page.as_uri()}\n"
    assert called.stderr == ""


def test_a_batch_shows_its_summary(negvol: Negvol, tmp_path: Path, opened: list[str]) -> None:
    result(tmp_path / "out", "summary.html")
    result(tmp_path / "out" / "a")
    result(tmp_path / "out" / "b")

    negvol("view", "out")

    assert opened == [(tmp_path / "out" / "summary.html").as_uri()]


def test_of_several_results_one_must_be_named(
    negvol: Negvol, tmp_path: Path, opened: list[str]
) -> None:
    for name in "abcdefg":
        result(tmp_path / "out" / name)
    result(tmp_path / "out" / ".half.part-1")

    called = negvol("view", "out")

    assert called.exit_code == 3
    assert called.stderr == (
        "negvol: out contains 7 results (a, b, c, d, e, ...): choose one, for example out/a\n"
    )
    assert opened == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("nowhere", "nowhere does not exist"),
        ("empty", "empty contains no report"),
        ("empty/labels.nii.gz", "is not a report page"),
    ],
)
def test_where_there_is_no_report_it_says_so(
    negvol: Negvol, tmp_path: Path, given: str, why: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "labels.nii.gz").write_bytes(b"")

    called = negvol("view", given)

    assert called.exit_code == 3
    assert why in called.stderr
    assert called.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a screen there")
def test_without_a_screen_the_address_is_printed(
    negvol: Negvol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    page = result(tmp_path / "out") / "report.html"

    called = negvol("view", "out")

    assert called.exit_code == 0
    assert called.stdout == f"{page.as_uri()}\n"
    assert "No browser was found" in called.stderr


def test_a_browser_that_fails_is_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> bool:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setenv("BROWSER", "none")
    monkeypatch.setattr(webbrowser, "open", fail)

    assert viewing.open_in_browser("file:///a.html") is False


def test_no_browser_is_started_where_none_is_wanted(
    negvol: Negvol, tmp_path: Path, opened: list[str]
) -> None:
    result(tmp_path / "out")

    negvol("view", "out", "--no-browser")

    assert opened == []


@pytest.fixture
def ctrl_c_is_heard() -> Iterator[None]:
    """A shell that runs pytest in the background ignores Ctrl-C; children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_serving_prints_an_address_that_works_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    result(tmp_path / "out")
    command = [sys.executable, "-m", "negvol_cli", "view", str(tmp_path / "out")]
    with subprocess.Popen(
        [*command, "--serve", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
                assert answer.read() == b"<p>a page"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()

    assert process.returncode == 0
    assert errors == "Serving until Ctrl-C.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_no_argument_of_the_browser_tells_the_secret(tmp_path: Path) -> None:
    result(tmp_path / "out")
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/started.tmp\n'
        f"mv {tmp_path}/started.tmp {tmp_path}/started\n"
    )
    browser.chmod(0o700)
    command = [sys.executable, "-m", "negvol_cli", "view", str(tmp_path / "out"), "--serve"]
    with subprocess.Popen(
        command,
        env={**os.environ, "BROWSER": str(browser)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            code = url.split("/")[3]
            deadline = time.monotonic() + 60
            while not (tmp_path / "started").exists():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            entrance = (tmp_path / "started").read_text().strip()
            assert code not in entrance
            with urllib.request.urlopen(f"{entrance}?code={code}", timeout=10) as answer:  # noqa: S310
                assert answer.read() == b"<p>a page"
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()

    assert f"The browser asks for a code; it is {code}" in errors


def test_a_port_that_is_taken_is_explained(negvol: Negvol, tmp_path: Path) -> None:
    from negvol_cli.render.serving import open_server

    result(tmp_path / "out")
    with open_server(tmp_path) as other:
        called = negvol("view", "out", "--serve", "--port", str(other.server_port))

    assert called.exit_code == 1
    assert "choose another --port" in called.stderr
