"""The pixels of DICOM images in Hounsfield units."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Final, Self, cast

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from scipy import ndimage

from negvol_cli.errors import InputError
from negvol_cli.io.dicom.attributes import Groups, quiet, value_of, whole_of
from negvol_cli.io.dicom.codestream import check_codestreams
from negvol_cli.io.dicom.deflated import check_deflated
from negvol_cli.io.dicom.headers import Frame, is_sealed, rescale_of
from negvol_cli.io.dicom.parts import Opener, Part
from negvol_cli.io.dicom.start import START_BYTES

PADDED_HU: Final = -2000
"""What was not scanned; see ``steps.field_of_view``, for which anything below -1100 is that."""

HU = npt.NDArray[np.int16]

_AIR_HU: Final = (-1100.0, -900.0)
"""Real air lies at -1015 to -915 (``steps.calibrate_hu``): a padding value in it may be air."""
_TISSUE_TOP_HU: Final = 30_710.0  # the extended scale of CT numbers ends there, for metal
_TOP: Final = 2**15 - 1  # of int16
_STEEPEST: Final = 1e4
_FARTHEST: Final = 1e6
"""Far beyond any CT's slope and intercept: a header that says more is damaged or hostile."""
_IN_MEMORY_BYTES: Final = 2**24  # a slice of 2048 x 2048 fits
_MOST_BYTES: Final = 2**30  # of a file that is held whole, as compressed frames are
_STREAMED: Final = {ImplicitVRLittleEndian, ExplicitVRLittleEndian}


class UnreadableError(Exception):
    """The pixels of an image cannot be decoded; the message is short and names nobody."""


@dataclass(frozen=True, slots=True)
class Rescale:
    """HU = slope * stored value + intercept; 1 and 0 where neither is stated.

    ``tissue_hu`` is what a padding value stands for that stood among tissue as well, and was kept
    there; None where there was none.
    """

    slope: float
    intercept: float
    tissue_hu: float | None = None


class PixelReader:
    """Decodes images in a given order, each once, holding one at a time.

    ``open_file`` opens their files (see ``hashed.HashedFiles``).
    """

    def __init__(self, frames: Sequence[Frame], open_file: Callable[[Path], IO[bytes]]) -> None:
        self._opener = Opener(open_file)
        self._order: dict[Part, list[Frame]] = {}
        for frame in frames:
            self._order.setdefault(frame.part, []).append(frame)
        self._left = {part: len(images) for part, images in self._order.items()}
        self._open: dict[Part, Generator[tuple[HU, Rescale]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for images in self._open.values():
            images.close()
        self._opener.close()

    def read(self, frame: Frame) -> tuple[HU, Rescale]:
        """The next image, int16 [y, x] in HU, ``PADDED_HU`` where its padding value stands.

        Images must be asked for in the order given. Raises UnreadableError, OSError where a file
        cannot be opened, and InputError where ``open_file`` or its streams do.
        """
        part = frame.part
        try:
            with quiet():
                images = self._open.pop(part, None) or self._images(frame)
                image = next(images)
        except (UnreadableError, InputError, MemoryError):
            raise
        except Exception as err:
            if isinstance(err, OSError) and err.errno is not None:  # the disk's own
                raise
            raise UnreadableError("its pixels cannot be decoded") from err
        self._left[part] -= 1
        if self._left[part]:
            self._open[part] = images
        else:
            images.close()
        return image

    def _images(self, first: Frame) -> Generator[tuple[HU, Rescale]]:
        frames = self._order[first.part]
        indices = [frame.index for frame in frames]
        with self._opener.open(first.part) as member:
            stream = member if first.part.member is None else _unpacked(member)
            with stream:
                check_deflated(stream.read(START_BYTES), stream)
                _check_unchanged(stream, frames)
                header, source = _opened(stream, many=len(indices) > 1)
                groups = Groups(header)
                padding = _padding(header)
                plugin = "pydicom" if _syntax(header) == RLELossless else "pylibjpeg"
                images = cast(
                    Generator[npt.NDArray[Any]],
                    iter_pixels(source, indices=indices, raw=True, decoding_plugin=plugin),
                )
                with closing(images):  # before its stream
                    for frame, stored in zip(frames, images, strict=True):
                        if stored.shape != first.common.size_xy[::-1]:
                            raise UnreadableError("its pixels are not what its header announces")
                        yield _hounsfield(stored, _rescale(groups, frame.index), padding)


def _unpacked(member: IO[bytes]) -> IO[bytes]:
    """A member of a zip in memory or, if it is large, in a file without a name."""
    stream = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(member, stream, 2**20)
    stream.seek(0)
    return stream


def _opened(stream: IO[bytes], *, many: bool) -> tuple[FileDataset, FileDataset | BinaryIO]:
    """A file's header, and what ``iter_pixels`` is to read: of many frames not all at once."""
    if many:
        stream.seek(0)
        header = pydicom.dcmread(stream, force=True, stop_before_pixels=True)
        if _syntax(header) in _STREAMED:
            return header, cast(BinaryIO, stream)
    if stream.seek(0, os.SEEK_END) > _MOST_BYTES:
        raise UnreadableError("it is larger than any image")
    stream.seek(0)
    header = pydicom.dcmread(stream, force=True)
    if _syntax(header) is None:  # a file without its meta group
        implicit, little = header.original_encoding
        syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        header.file_meta.TransferSyntaxUID = syntax if little else ExplicitVRBigEndian
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        check_codestreams(header)
    return header, header


def _syntax(header: FileDataset) -> UID | None:
    syntax: UID | None = value_of(header.file_meta, "TransferSyntaxUID")
    return syntax


def _rescale(groups: Groups, frame: int) -> Rescale:
    slope, intercept = rescale_of(groups, frame)
    rescale = Rescale(1.0 if slope is None else slope, intercept or 0.0)
    if not 1 / _STEEPEST <= abs(rescale.slope) <= _STEEPEST or abs(rescale.intercept) > _FARTHEST:
        raise UnreadableError("its rescale is impossible")
    return rescale


def _padding(header: Dataset) -> tuple[int, int] | None:
    """The lowest and highest stored value that stands for no measurement; None where none does."""
    value = value_of(header, "PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = value_of(header, "PixelPaddingRangeLimit")
    bits = whole_of(header, "BitsAllocated", 16)
    signed = whole_of(header, "PixelRepresentation", 0) == 1
    ends = [value, limit if isinstance(limit, int) else value]
    low = -(2 ** (bits - 1)) if signed else 0
    # Many write the number with the other sign, such as 63536 for -2000.
    low_end, high_end = sorted((end - low) % 2**bits + low for end in ends)
    return low_end, high_end


def _check_unchanged(stream: IO[bytes], frames: Sequence[Frame]) -> None:
    """Raise UnreadableError where a file's header is not what it was when it was found."""
    if not all(is_sealed(stream, seal) for seal in {frame.header for frame in frames}):
        raise UnreadableError("it was changed after it was found")


def _hounsfield(
    stored: npt.NDArray[Any], rescale: Rescale, padding: tuple[int, int] | None
) -> tuple[HU, Rescale]:
    """The values as int16: whole HU, no more than that can hold; and what they were made by."""
    if rescale.slope == 1 and rescale.intercept.is_integer():
        exact = stored.astype(np.int64 if stored.dtype.itemsize > 2 else np.int32)
        hu: HU = np.clip(exact + int(rescale.intercept), -_TOP, _TOP).astype(np.int16)
    else:
        scaled = stored * np.float32(rescale.slope) + np.float32(rescale.intercept)
        hu = np.asarray(np.clip(scaled, -_TOP, _TOP).round(), dtype=np.int16)
    if padding is None:
        return hu, rescale
    alike = (stored >= padding[0]) & (stored <= padding[1])
    # A padding of -1000 looks like air, and air like padding: nothing can be told by it.
    padded = alike & ((hu < _AIR_HU[0]) | (hu > _TISSUE_TOP_HU))
    doubtful = alike & (hu > _AIR_HU[1]) & ~padded
    if doubtful.any():
        outside = _from_corners(doubtful)
        padded |= outside
        if (kept := doubtful & ~outside).any():
            rescale = replace(rescale, tissue_hu=float(hu[kept][0]))
    hu[padded] = PADDED_HU
    return hu, rescale


def _from_corners(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """What of a mask [y, x] hangs together with a corner of the image.

    There a round field of view has no values; a value that tissue has pads nothing elsewhere.
    """
    parts, _ = ndimage.label(mask)
    return np.asarray(np.isin(parts, np.setdiff1d(parts[[0, 0, -1, -1], [0, -1, 0, -1]], 0)))
