"""Every error that negvol raises on purpose.

NegvolError            exit 1   anything we can explain
├── InputError         exit 3   the scan, labels or path are not usable
├── OutputError        exit 1   the result cannot be written where it was asked for
├── ModelError         exit 4   the model bundle is missing, damaged or of another shape
│   └── DeviceError    exit 4   the asked-for GPU cannot really run the model
├── BatchError         exit 5   some scans of a batch failed
├── ClusterError       exit 1   the Dask cluster cannot be used
└── StoppedError       exit 130 a batch was stopped by Ctrl-C, and can go on

The message of each is one sentence for the person at the keyboard: what is wrong,
with which file or value, and what to do.
"""

from __future__ import annotations

import errno


class NegvolError(Exception):
    """Something went wrong that negvol can explain."""

    exit_code = 1


class InputError(NegvolError):
    """The scan, the labels, or the path to them, is not usable."""

    exit_code = 3


class OutputError(NegvolError):
    """The result cannot be written where it was asked for."""


class ModelError(NegvolError):
    """The model bundle is missing, damaged or of another shape."""

    exit_code = 4


class DeviceError(ModelError):
    """The device that was asked for cannot really run the model."""


class BatchError(NegvolError):
    """Some scans of a batch failed; the others are measured."""

    exit_code = 5


class ClusterError(NegvolError):
    """The Dask cluster cannot be reached, or cannot do the work."""


class StoppedError(NegvolError):
    """The work was stopped by Ctrl-C; what is done is kept."""

    exit_code = 130


def explain(err: BaseException) -> str | None:
    """Return a sentence for the user, or None if the error is a fault of the program."""
    if isinstance(err, NegvolError):
        return " ".join(str(err).split())
    if isinstance(err, MemoryError):
        return "there is not enough memory; close other programs or use a larger machine"
    if isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room or choose another output folder with -o"
    if isinstance(err, OSError) and err.strerror:
        where = f" ({err.filename})" if err.filename else ""
        return f"the system says: {err.strerror}{where}; check the path and its permissions"
    return None
