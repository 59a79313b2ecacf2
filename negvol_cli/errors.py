"""Every error that negvol raises on purpose.

NegvolError            exit 1   anything we can explain
├── InputError         exit 3   the scan, labels or path are not usable
├── OutputError        exit 1   the result cannot be written where it was asked for
├── NoCondyleError     exit 1   there is no condyle where the joint should be
├── ModelError         exit 4   the model bundle is missing, damaged or of another shape
│   └── DeviceError    exit 4   the asked-for GPU cannot really run the model
├── BatchError         exit 5   some scans of a batch failed
├── ClusterError       exit 1   the Dask cluster cannot be used
├── PeerError          exit 1   another DICOM node cannot be reached, or refuses
└── StoppedError       exit 130 a batch was stopped by Ctrl-C, and can go on

The message of each is one sentence for the person at the keyboard: what is wrong,
with which file or value, and what to do.
"""

from __future__ import annotations

import errno
import traceback
from pathlib import Path


class NegvolError(Exception):
    """Something went wrong that negvol can explain.

    ``public`` is a sentence without a word from a file or a path, for where nobody may be named;
    without one, ``nameless`` is said of the whole class.
    """

    exit_code = 1
    nameless = "it cannot be done"

    def __init__(self, message: str, *, public: str = "") -> None:
        super().__init__(message)
        self.public = public


class InputError(NegvolError):
    """The scan, the labels, or the path to them, is not usable."""

    exit_code = 3
    nameless = "the scan cannot be used"


class OutputError(NegvolError):
    """The result cannot be written where it was asked for."""

    nameless = "the result cannot be written"


class NoCondyleError(NegvolError):
    """There is no condyle where the joint should be."""


class ModelError(NegvolError):
    """The model bundle is missing, damaged or of another shape."""

    exit_code = 4
    nameless = "the models cannot be used"


class DeviceError(ModelError):
    """The device that was asked for cannot really run the model."""

    nameless = "the GPU cannot be used"


class BatchError(NegvolError):
    """Some scans of a batch failed; the others are measured."""

    exit_code = 5
    nameless = "some scans failed"


class ClusterError(NegvolError):
    """The Dask cluster cannot be reached, or cannot do the work."""

    nameless = "the cluster cannot be used"


class PeerError(NegvolError):
    """Another DICOM node, a PACS say, cannot be reached, or refuses what it is sent.

    ``lasting``: another try would fail alike until somebody changes something. ``public`` leaves
    out the other side's own words, which may name a patient.
    """

    nameless = "the DICOM node cannot be used"

    def __init__(self, message: str, *, lasting: bool = False, public: str = "") -> None:
        super().__init__(message, public=public or message)
        self.lasting = lasting


class StoppedError(NegvolError):
    """The work was stopped by Ctrl-C; what is done is kept."""

    exit_code = 130
    nameless = "stopped"


def explain(err: BaseException) -> str | None:
    """Return a sentence for the user, or None if the error is a fault of the program."""
    if isinstance(err, NegvolError):
        return " ".join(str(err).split())
    if isinstance(err, MemoryError):
        return "there is not enough memory; close other programs or use a larger machine"
    if _is_full(err):
        return "the disk is full; make room or choose another output folder with -o"
    if isinstance(err, OSError) and err.strerror:
        where = f" ({err.filename})" if err.filename else ""
        return f"the system says: {err.strerror}{where}; check the path and its permissions"
    return None


def explain_nameless(err: BaseException) -> str:
    """A sentence without a word from a file or a path, and a code that leads to the check.

    The code is the place in this program where the error arose.
    """
    code = _place_of(err)
    if isinstance(err, BatchError | StoppedError | ClusterError):
        return str(err)  # numbers and addresses alone
    if isinstance(err, NegvolError):
        said = err.public or (
            f"{err.nameless}: the same without --pseudonym-key says why, where names may be seen"
        )
    elif isinstance(err, MemoryError) or _is_full(err):
        said = explain(err) or ""
    elif isinstance(err, OSError) and err.strerror:
        said = f"the system says: {err.strerror}; check the path and its permissions"
    else:
        said = f"this should not have happened ({type(err).__name__}); please report its code"
    return f"{said} (code {code})"


def _place_of(err: BaseException) -> str:
    """The innermost line of this package in an error's traceback, as ``io.image:120``."""
    package = Path(__file__).parent
    code = "unknown"
    for frame in traceback.extract_tb(err.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(package):
            module = ".".join(path.relative_to(package).with_suffix("").parts)
            code = f"{module}:{frame.lineno}"
    return code


def _is_full(err: BaseException) -> bool:
    return isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT)
