"""The process ends at once, with its exit code, all it said, and whatever waited for its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from negvol_cli.version import __version__

MODULE = [sys.executable, "-m", "negvol_cli"]
SCRIPT = [str(Path(sys.executable).with_name("negvol"))]
PROBE = """
import atexit, sys
import click
from negvol_cli.cli import group, program

class Never:
    def __del__(self):
        print("taken apart")

@group.main.command()
@click.option("--code", type=int)
def probe(code):
    sys.modules["never"] = Never()
    atexit.register(print, "told")
    print("said")
    sys.exit(code)

program.program()
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("program", [MODULE, SCRIPT], ids=["module", "script"])
def test_its_version_and_its_name(program: list[str]) -> None:
    done = run(*program, "--version")
    assert (done.returncode, done.stdout) == (0, f"negvol {__version__}\n")


@pytest.mark.parametrize("code", [0, 3])
def test_all_is_said_and_told_and_nothing_taken_apart(code: int) -> None:
    done = run(sys.executable, "-c", PROBE, "probe", "--code", str(code))
    assert (done.returncode, done.stdout, done.stderr) == (code, "said\ntold\n", "")


def test_a_wrong_option_and_a_missing_file_have_their_codes(tmp_path: Path) -> None:
    assert run(*MODULE, "run", "--nonsense").returncode == 2
    missing = run(*MODULE, "run", str(tmp_path / "no.nii"))
    assert missing.returncode == 3
    assert missing.stderr.startswith("negvol: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is played by Linux")
def test_what_could_not_be_said_makes_the_end_a_failure() -> None:
    """A command's last words are written as the process ends."""
    silent = PROBE.replace('print("said")', 'sys.stdout.write("said")')
    command = [sys.executable, "-c", silent, "probe", "--code", "0"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left" in done.stderr
