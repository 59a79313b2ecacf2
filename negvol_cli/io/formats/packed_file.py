"""A header and packed voxels: as one file, whole or absent, or as its bytes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from zlib_ng.gzip_ng import GzipNGFile

from negvol_cli.errors import OutputError


def write_packed(
    path: Path,
    values_zyx: npt.NDArray[np.generic],
    level: int,
    *,
    plain: bytes = b"",
    packed: bytes = b"",
) -> None:
    """Write a header and, in gzip of ``level``, voxels: all has reached the disk on return.

    ``plain`` stands before what is packed, ``packed`` is packed with the voxels. The same input
    gives the same bytes. Raises OutputError where the file cannot be written; what there is of it
    is removed then.
    """
    try:
        with path.open("wb") as file:
            pack_into(file, values_zyx, level, plain=plain, packed=packed)
            file.flush()
            os.fsync(file.fileno())
    except OSError as err:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {path} whole ({err.strerror or err}): make room on its disk, or choose "
            "another -o"
        ) from err


def pack_into(
    file: IO[bytes],
    values_zyx: npt.NDArray[np.generic],
    level: int,
    *,
    plain: bytes = b"",
    packed: bytes = b"",
) -> None:
    """Write the same into an open file or other stream of bytes."""
    file.write(plain)
    with GzipNGFile("", "wb", level, file, mtime=0) as stream:
        stream.write(packed)
        for plane in values_zyx:
            stream.write(np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).data)
