"""Progress goes to stderr: lines where there is no terminal, nothing if asked."""

from __future__ import annotations

import pytest

from negvol_cli.cli.progress import progress


def test_without_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=False) as report:
        report("read the scan", 0.0)
        report("segment the left joint", 0.456)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "read the scan (0% done)\nsegment the left joint (46% done)\n"


def test_the_end_is_said_without_a_share(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=False) as report:
        report("done", 1.0)

    assert capsys.readouterr().err == "done\n"


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_terminal_that_can_only_print_gets_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", kind)
    with progress(quiet=False) as report:
        report("segment", 0.5)

    assert capsys.readouterr().err == "segment (50% done)\n"


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=True) as report:
        report("read the scan", 0.0)

    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_the_bar_is_gone_afterwards(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress(quiet=False) as report:
        report("read the scan", 0.0)
        report("segment", 0.5)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "segment" in captured.err
    assert captured.err.rstrip("\n").endswith("\x1b[2K")  # the line was erased
