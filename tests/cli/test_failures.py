"""Every error becomes one sentence on stderr, and an exit code."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from negvol_cli.cli import main
from negvol_cli.errors import DeviceError, InputError, ModelError, NegvolError, OutputError


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch, *args: str) -> Result:
    """Run ``negvol models list`` where listing raises ``error``."""

    def list_bundles() -> None:
        raise error

    store = SimpleNamespace(list_bundles=list_bundles)
    monkeypatch.setitem(sys.modules, "negvol_cli.bundle.store", store)
    monkeypatch.setitem(
        sys.modules,
        "negvol_cli.cli.bundle_text",
        SimpleNamespace(stored_as_dict=None, stored_as_text=None),
    )
    return CliRunner().invoke(main, [*args, "models", "list"])


@pytest.mark.parametrize(
    ("error", "code"),
    [(NegvolError, 1), (OutputError, 1), (InputError, 3), (ModelError, 4), (DeviceError, 4)],
)
def test_an_explained_error_is_its_own_sentence(
    monkeypatch: pytest.MonkeyPatch, error: type[NegvolError], code: int
) -> None:
    result = fail_with(error("scan.nii is\nempty; give another"), monkeypatch)

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr == "negvol: scan.nii is empty; give another\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), 1, "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "Permission denied (/x)"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_what_a_person_can_mend_is_explained(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    result = fail_with(error, monkeypatch)

    assert result.exit_code == code
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_nobody_foresaw_asks_for_a_report_with_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = fail_with(ZeroDivisionError("division by zero"), monkeypatch)

    assert result.exit_code == 1
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert "please report it" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("error", [ZeroDivisionError("no"), InputError("no")])
def test_debug_shows_where_it_happened(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    result = fail_with(error, monkeypatch, "--debug")

    assert result.stderr.startswith("Traceback")
    assert "list_bundles" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("negvol: ")
    assert result.exit_code == getattr(error, "exit_code", 1)


def test_a_reader_who_left_is_no_failure_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    result = fail_with(BrokenPipeError(errno.EPIPE, "Broken pipe"), monkeypatch)

    assert result.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device here")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_that_cannot_be_printed_is_a_sentence(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "negvol_cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert ran.returncode == 1
    assert ran.stderr.startswith("negvol: ")
    assert len(ran.stderr.splitlines()) == 1
