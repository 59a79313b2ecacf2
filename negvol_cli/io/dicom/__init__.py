"""DICOM as hospitals have it: the series below a folder or in a zip file, and one as a volume.

pydicom reads headers and, with pylibjpeg's decoders, pixels. Where slices lie, which belong
together and what cannot be measured is decided here, from position and orientation alone.

What reads DICOM is loaded when first asked for: pydicom takes as long to load as an image file to
read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from negvol_cli.io.dicom.choice import choose_in, choose_series, nothing_in
    from negvol_cli.io.dicom.finding import find_series, images_in, series_of
    from negvol_cli.io.dicom.hashed import HashedFiles
    from negvol_cli.io.dicom.headers import Frame
    from negvol_cli.io.dicom.identity import Identity
    from negvol_cli.io.dicom.instance import Outgoing, Received, outgoing, received_image, response
    from negvol_cli.io.dicom.layout import lay_out
    from negvol_cli.io.dicom.parts import Opener, Part
    from negvol_cli.io.dicom.reading import Reading, read_series
    from negvol_cli.io.dicom.series import Series
    from negvol_cli.io.dicom.start import is_dicom

__all__ = [
    "Frame",
    "HashedFiles",
    "Identity",
    "Opener",
    "Outgoing",
    "Part",
    "Reading",
    "Received",
    "Series",
    "choose_in",
    "choose_series",
    "find_series",
    "images_in",
    "is_dicom",
    "lay_out",
    "nothing_in",
    "outgoing",
    "read_series",
    "received_image",
    "response",
    "series_of",
]

_MODULES: Final = {
    "Frame": "headers",
    "HashedFiles": "hashed",
    "Identity": "identity",
    "Opener": "parts",
    "Outgoing": "instance",
    "Part": "parts",
    "Reading": "reading",
    "Received": "instance",
    "Series": "series",
    "choose_in": "choice",
    "choose_series": "choice",
    "find_series": "finding",
    "images_in": "finding",
    "is_dicom": "start",
    "lay_out": "layout",
    "nothing_in": "choice",
    "outgoing": "instance",
    "read_series": "reading",
    "received_image": "instance",
    "response": "instance",
    "series_of": "finding",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
