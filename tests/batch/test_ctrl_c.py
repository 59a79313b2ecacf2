"""Ctrl-C, and the end of the batch's process, in a real batch of real phantom heads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are of Unix")


@pytest.fixture(autouse=True)
def hears_hangups() -> Iterator[None]:
    """What the tests start hears SIGHUP, even where the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(heads: Path, out: Path) -> subprocess.Popen[str]:
    """A batch that measures at most two scans, in a group of processes of its own."""
    command = [sys.executable, "-m", "negvol_cli", "batch", str(heads), "-o", str(out)]
    return subprocess.Popen(
        [*command, "--device", "cpu", "--threads", "1", "--no-enhance", "--limit", "2"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def press_ctrl_c(running: subprocess.Popen[str]) -> None:
    """Send it to all processes of the group, as a terminal does."""
    os.killpg(running.pid, signal.SIGINT)


def wait_for_work(out: Path) -> None:
    wait_until(lambda: bool(list(out.glob(".*.part-*"))))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline, "nothing happened within five minutes"
        time.sleep(0.05)


def results(out: Path) -> set[str]:
    return {path.name for path in out.iterdir() if path.is_dir() and path.name[0] != "."}


def test_once_ends_after_the_running_scan_and_the_same_command_goes_on(
    heads: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with start(heads, out) as running:
        wait_for_work(out)
        press_ctrl_c(running)
        _, said = running.communicate(timeout=600)

    assert running.returncode == 130
    assert "Stopping after what is running" in said
    assert "stopped after 1 of 3 scans" in said
    assert results(out) == {"head0"}
    before = (out / "head0" / "run.json").read_bytes()

    with start(heads, out) as again:
        again.communicate(timeout=600)

    assert again.returncode == 0
    assert results(out) == {"head0", "head1", "ward_head2"}
    assert (out / "head0" / "run.json").read_bytes() == before
    assert len((out / "summary.csv").read_text(encoding="utf-8").splitlines()) == 1 + 2 * 3


def test_twice_ends_at_once_with_nothing_half_written(heads: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start(heads, out) as running:
        wait_for_work(out)
        press_ctrl_c(running)
        assert running.stderr is not None
        while "Stopping" not in running.stderr.readline():
            pass
        press_ctrl_c(running)
        running.communicate(timeout=600)

    assert running.returncode == 130
    assert results(out) == set()
    assert not list(out.glob(".*"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("whom", [os.kill, os.killpg])
def test_the_end_of_a_session_leaves_nothing_half_written_and_no_scan_unpacked(
    heads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    code: int,
    whom: Callable[[int, int], None],
) -> None:
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "study.zip", "w") as archive:
        archive.write(heads / "head0.nii.gz", "patient.nii.gz")
    monkeypatch.setenv("TMPDIR", str(temporary))
    with start(tmp_path / "in", out) as running:
        wait_for_work(out)
        whom(running.pid, number)
        _, said = running.communicate(timeout=600)

    assert running.returncode == code
    assert said.splitlines()[-1] == "negvol: stopped; nothing half done is left behind"
    assert results(out) == set()
    assert not list(out.glob(".*"))
    assert list(temporary.iterdir()) == []
    wait_until(lambda: not _group_is_alive(running.pid))


def test_a_killed_batch_takes_its_processes_with_it(heads: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start(heads, out) as running:
        wait_for_work(out)
        running.kill()
        running.communicate()

    wait_until(lambda: not _group_is_alive(running.pid))
    assert results(out) == set()


def _group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
