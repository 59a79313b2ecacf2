"""How a scan gets to its worker: through a pipe, or on a disk that other machines share.

What goes over a network is neither a name nor a path, however the network is guarded: only the
number of a file in the folder for the results, which its owner alone may open, and its SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

from negvol_cli.batch.candidates import Candidate
from negvol_cli.batch.job import Job
from negvol_cli.errors import ClusterError

FOLDER: Final = ".jobs-"

Packed = tuple[Any, Callable[[], None]]
"""What is sent, and what to call when it has come back."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The place of a scan's description below the folder for the results, and its SHA-256."""

    place: str
    sha256: str


class Handover:
    """A folder of descriptions, which goes with the block; each goes when its scan is done."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._folder = job.out / f"{FOLDER}{secrets.token_hex(4)}"
        self._count = 0

    def __enter__(self) -> Self:
        self._folder.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def pack(self, candidate: Candidate) -> Packed:
        """Write down what a worker must know. Raises OSError where that cannot be written."""
        content = pickle.dumps(candidate.for_worker(keep_patient_id=self._job.keep_patient_id))
        self._count += 1
        file = self._folder / str(self._count)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        place = file.relative_to(self._job.out).as_posix()
        ticket = Ticket(place, hashlib.sha256(content).hexdigest())
        return ticket, lambda: file.unlink(missing_ok=True)


def described(job: Job, ticket: Ticket) -> Candidate:
    """The scan that a ticket stands for.

    Raises ClusterError where its description is not there, or is not what was written.
    """
    try:
        content = (job.out / ticket.place).read_bytes()
    except OSError as err:
        raise ClusterError(
            f"a worker cannot read the folder for the results ({err.strerror}): give one that is "
            "on every machine under the same path, and start the workers as the same user"
        ) from err
    if hashlib.sha256(content).hexdigest() != ticket.sha256:
        raise ClusterError("somebody else writes into the folder for the results: choose another")
    return cast(Candidate, pickle.loads(content))  # noqa: S301 - just found to be our own


def clear_handovers(out: Path) -> None:
    """Remove what killed batches left; nobody else may be at work in ``out``."""
    for folder in out.glob(f"{FOLDER}*"):
        if not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
