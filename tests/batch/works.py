"""Stand-ins for the measurement of a scan, which a worker process can import."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from negvol_cli.batch import Candidate, Result
from negvol_cli.errors import ModelError
from negvol_cli.report import Outcome


def candidate(name: str, path: Path = Path("nowhere")) -> Candidate:
    """A scan of that name."""
    return Candidate(name=name, path=path, shown=f"{name}.nii.gz")


def pass_by(scan: Candidate) -> Result:
    """Well at once; what is named ``earlier...`` was measured earlier."""
    return Result(name=scan.name, outcome=Outcome.OK, earlier=scan.name.startswith("earlier"))


def die_if_told(scan: Candidate) -> Result:
    """A scan named ``deadly...`` kills its process as the kernel does when memory runs out."""
    if scan.name.startswith("deadly"):
        time.sleep(0.1)  # so that its neighbour is at work, too
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return pass_by(scan)


def refuse(scan: Candidate) -> Result:
    """The networks cannot be used."""
    raise ModelError(f"no network for {scan.name}")


def say_pid(scan: Candidate) -> Result:
    """Write the process's number into the scan's folder, and take half a second."""
    (scan.path / f"{scan.name}.{os.getpid()}").touch()
    time.sleep(0.5)
    return replace(pass_by(scan), seconds=0.5)
