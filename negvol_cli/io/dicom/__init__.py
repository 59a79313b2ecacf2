"""DICOM as hospitals have it: the series below a folder or in a zip file, and one as a volume.

pydicom reads headers and, with pylibjpeg's decoders, pixels. Where slices lie, which belong
together and what cannot be measured is decided here, from position and orientation alone.
"""

from negvol_cli.io.dicom.choice import choose_in, choose_series
from negvol_cli.io.dicom.finding import find_series, images_in, is_dicom, series_of
from negvol_cli.io.dicom.fingerprint import fingerprint
from negvol_cli.io.dicom.hashed import HashedFiles
from negvol_cli.io.dicom.headers import Frame
from negvol_cli.io.dicom.identity import Identity
from negvol_cli.io.dicom.layout import lay_out
from negvol_cli.io.dicom.parts import Opener, Part
from negvol_cli.io.dicom.reading import Reading, read_series
from negvol_cli.io.dicom.series import Series

__all__ = [
    "Frame",
    "HashedFiles",
    "Identity",
    "Opener",
    "Part",
    "Reading",
    "Series",
    "choose_in",
    "choose_series",
    "find_series",
    "fingerprint",
    "images_in",
    "is_dicom",
    "lay_out",
    "read_series",
    "series_of",
]
