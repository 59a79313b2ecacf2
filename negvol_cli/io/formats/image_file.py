"""An image file: its header is checked, then its voxels are read, from one reading of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid
from negvol_cli.io.formats.header import Header, Packing
from negvol_cli.io.formats.meta import read_meta
from negvol_cli.io.formats.nifti import read_nifti
from negvol_cli.io.formats.nrrd import read_nrrd
from negvol_cli.io.formats.streams import (
    GZIP_MAGIC,
    SLACK_BYTES,
    ByteStream,
    HashedFile,
    Unpacked,
    open_regular,
)
from negvol_cli.io.header_checks import check_size, straight_grid

_MOST_DEFLATE: Final = 1032  # no deflate stream unpacks to more times its size (zlib's manual)
_BIG_BYTES: Final = 2**29
_MOST_FOR_BIG: Final = 200  # a real CT packs to a third; blank images pack a thousandfold
_SLAB_BYTES: Final = 2**23
_KEPT: Final = {np.dtype(kind) for kind in ("i1", "u1", "i2", "u2", "f4")}

Array = npt.NDArray[Any]


@dataclass(slots=True, eq=False)
class ImageFile:
    """An open image whose header was read; its voxels can be read once, from the same stream.

    ``file_bytes`` are those of the file that holds the voxels. ``hashed`` are the files opened for
    it, the header's first. ``layered`` allows several values per voxel, the layers of a
    segmentation.
    """

    path: Path
    header: Header
    hashed: tuple[HashedFile, ...]
    _stream: ByteStream
    _unpacked: Unpacked | None
    _start: int
    layered: bool = False

    @property
    def grid(self) -> Grid:
        """Where the voxels lie. Raises InputError where the header does not place a volume."""
        channels = 1 if self.layered else self.header.channels
        size = check_size(self.header.size, channels, self.path)
        placement = self.header.placement
        if placement is None:
            raise InputError(f"{self.path} has a damaged header: export it again")
        return straight_grid(size, placement.steps_mm, placement.origin_mm, self.path)

    @property
    def kept(self) -> np.dtype[Any]:
        """The type in which the voxels are given: their own, or float32 where that is wider."""
        native = self.header.stored.newbyteorder("=")
        return native if native in _KEPT and not self.header.scaled else np.dtype(np.float32)

    def check(self) -> None:
        """Refuse what needs no voxel to be told.

        Raises InputError for no volume, a damaged or contradictory placement, and more data
        announced than the file can hold.
        """
        _ = self.grid
        held, announced = self._held_bytes(), self.header.data_bytes
        if self.header.packing is Packing.RAW:
            if held < announced:
                raise self._cut_short(announced, held)
            return
        packed = self.header.packed_bytes or held
        if packed > held:
            raise self._cut_short(packed, held)
        most = _MOST_FOR_BIG if announced > _BIG_BYTES else _MOST_DEFLATE
        if announced > packed * most + SLACK_BYTES:
            raise InputError(
                f"{self.path} claims {announced / 2**20:.0f} MiB of image in "
                f"{packed / 2**10:.0f} KiB of packed data, which no CT fits in: its header is "
                "damaged or it is not a scan"
            )

    def read_into(self, values_zyx: Array) -> None:
        """Fill an array [z, y, x] in the file's order (a view of any strides) with what is meant.

        Raises InputError for voxels that are missing, damaged, too many, or no numbers.
        """
        at = 0
        for slab in self.slabs():
            values_zyx[at : at + len(slab)] = slab
            at += len(slab)

    def slabs(self) -> Iterator[Array]:
        """The voxels as slabs of some planes each, in the file's order.

        They are [z, y, x]; [z, y, x, layer] where there is more than one value per voxel.
        """
        x, y, z = self.header.size[:3]
        stored, layers = self.header.stored, self.header.channels
        shape = (y, x) if layers == 1 else (y, x, layers)
        if self.header.offset is None:
            self._stream.skip(self._held_bytes() - self.header.data_bytes)
        plane = x * y * layers * stored.itemsize
        thick = max(1, _SLAB_BYTES // plane)
        buffer = np.empty(min(thick, z) * plane, dtype=np.uint8)
        for low in range(0, z, thick):
            part = buffer[: min(thick, z - low) * plane]
            filled = self._stream.fill(part.data)
            if filled < part.nbytes:
                raise self._cut_short(self.header.data_bytes, low * plane + filled)
            yield self._meant(part.view(stored).reshape(-1, *shape))
        self._check_end()

    def digest(self) -> str:
        """The SHA-256 of the file; where its voxels lie in a second one, of both (``digest_of``).

        Reads what is left of them.
        """
        digests = [file.digest() for file in self.hashed]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("\n".join(sorted(digests)).encode("ascii")).hexdigest()

    def _meant(self, slab: Array) -> Array:
        if self.header.scaled:
            slab = slab * np.float64(self.header.slope) + self.header.intercept
        if slab.dtype.newbyteorder("=") != self.kept:
            with np.errstate(over="ignore"):
                slab = slab.astype(self.kept)
        if slab.dtype.kind == "f" and not np.isfinite(slab).all():
            raise InputError(
                f"{self.path} contains values that are not numbers (NaN or infinity): repair it"
            )
        return slab

    def some_planes(self, count: int) -> Array:
        """So many planes [z, y, x] of raw voxels, evenly spread; instead of ``slabs``."""
        x, y, z = self.header.size[:3]
        stored = self.header.stored
        start = self.hashed[-1].size - self._held_bytes()
        if self.header.offset is None:
            start = self.hashed[-1].size - self.header.data_bytes
        planes = np.empty((count, y, x), dtype=stored)
        for part, plane in enumerate(planes):
            k = (2 * part + 1) * z // (2 * count)
            raw = self.hashed[-1].read_at(start + k * plane.nbytes, plane.nbytes)
            plane[:] = np.frombuffer(raw.ljust(plane.nbytes, b"\0"), dtype=stored).reshape(y, x)
        return planes

    def _held_bytes(self) -> int:
        """How many bytes the file has for its voxels."""
        return self.hashed[-1].size - (0 if self.header.whole_file_packed else self._start)

    def _check_end(self) -> None:
        """Refuse more data than announced, but for a few zeros that fill up a block."""
        behind = 0
        for block in self._stream.blocks():
            behind += len(block)
            if block.strip(b"\0") or behind > SLACK_BYTES:
                raise InputError(
                    f"{self.path} contains more than the {self.header.data_bytes} bytes of voxels "
                    "that its header announces, so that where they begin is not certain: export it "
                    "again"
                )
        if self._unpacked is not None and not self._unpacked.whole:
            raise InputError(f"{self.path} is cut short at its very end: copy or export it again")

    def _cut_short(self, wanted: int, held: int) -> InputError:
        return InputError(
            f"{self.path} is cut short: {max(held, 0)} of {wanted} bytes are there; copy or "
            "export it again"
        )


@contextmanager
def open_image(path: Path, packed: tuple[IO[bytes], int] | None = None) -> Iterator[ImageFile]:
    """Open an image file and read its header; its name gives the format.

    ``packed`` is the stream and size of a member of a zip file; ``path`` then only gives its name.

    Raises
    ------
    InputError
        The file is missing, empty, unreadable, not a regular file, of an unknown extension or not
        what its extension says, or a field of its header is missing, meaningless or contradictory.
    """
    with ExitStack() as stack, _explained(path):
        if packed is None:
            path.stat()  # what is not there is not of the wrong kind
        read = _reader_for(path)
        if packed is None:
            file = HashedFile(stack.enter_context(open_regular(path)))
        else:
            file = HashedFile(*packed)
        if file.size == 0:
            raise InputError(f"{path} is empty (0 bytes): copy or export it again")
        try:
            image = read(path, file, stack if packed is None else None)
        except (ValueError, OverflowError) as err:
            raise InputError(
                f"{path} is not a usable {path.suffix} image: its header cannot be understood "
                f"({err})"
            ) from err
        yield image


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the system may say while a file is read into InputError."""
    try:
        yield
    except FileNotFoundError as err:
        raise InputError(f"{path} does not exist: check the path") from err
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror or err}") from err


_Reader = Callable[[Path, HashedFile, ExitStack | None], ImageFile]
"""Reads a header; what it opens beside the file closes with the stack, None where there is none."""


def _reader_for(path: Path) -> _Reader:
    name = path.name.lower()
    for endings, reader in (
        ((".nii", ".nii.gz"), _nifti),
        ((".nrrd", ".nhdr"), _nrrd),
        ((".mha", ".mhd"), _meta),
    ):
        if name.endswith(endings):
            return reader
    raise InputError(
        f"{path} is not a supported image: give a .nii, .nii.gz, .nrrd, .mha or .mhd file, "
        "or a folder or .zip of one DICOM series"
    )


def _nifti(path: Path, file: HashedFile, _stack: ExitStack | None) -> ImageFile:
    """A NIfTI file, packed or not whatever its name says."""
    raw = ByteStream(file.blocks())
    packed = raw.peek(2) == GZIP_MAGIC
    unpacked = Unpacked(raw.blocks(), path) if packed else None
    stream = ByteStream(iter(unpacked)) if unpacked else raw
    header = read_nifti(stream, path, packed=packed)
    return ImageFile(path, header, (file,), stream, unpacked, stream.at)


def _nrrd(path: Path, file: HashedFile, stack: ExitStack | None) -> ImageFile:
    stream = ByteStream(file.blocks())
    return _with_data(path, read_nrrd(stream, path), file, stream, stack)


def _meta(path: Path, file: HashedFile, stack: ExitStack | None) -> ImageFile:
    stream = ByteStream(file.blocks())
    return _with_data(path, read_meta(stream, path), file, stream, stack)


def _with_data(
    path: Path, header: Header, file: HashedFile, stream: ByteStream, stack: ExitStack | None
) -> ImageFile:
    """The image of a text header, its voxels behind it or in a file beside it."""
    files: tuple[HashedFile, ...] = (file,)
    if header.data_name is not None and stack is None:
        raise InputError(f"{path} keeps its voxels in another file: unpack the zip")
    if header.data_name is not None and stack is not None:
        data = HashedFile(stack.enter_context(_open_data(path, header.data_name)))
        files, stream = (file, data), ByteStream(data.blocks())
    start = stream.at if header.offset is None else header.offset
    stream.skip(start - stream.at)
    unpacked = None
    if header.packing is not Packing.RAW:
        unpacked = Unpacked(stream.blocks(), path)
        stream = ByteStream(iter(unpacked))
    return ImageFile(path, header, files, stream, unpacked, start)


def _open_data(path: Path, name: str) -> BinaryIO:
    """The file beside a header that holds its voxels; no link, which may lead anywhere."""
    data = path.parent / name
    if data.is_symlink() or not data.exists() or data.samefile(path):
        raise InputError(
            f"{path} keeps its voxels in {name}, which is not beside it as a file of its own: "
            "copy both files into one folder"
        )
    return open_regular(data)
