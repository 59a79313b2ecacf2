"""NIfTI, NRRD and MetaImage, read by decoders of our own from bytes that are read once.

No library opens these files for us: ITK fills in what a header leaves out (a spacing of 1 mm),
overlooks checksums and contradictions, and may read the voxels of a file that was not named
(InsightSoftwareConsortium/ITK#2243). nibabel is no stricter about units, slopes and forms, knows
neither NRRD nor MetaImage, and would be one more dependency.
"""

from negvol_cli.io.formats.header import Header, Packing
from negvol_cli.io.formats.image_file import ImageFile, open_image
from negvol_cli.io.formats.streams import open_regular, refuse_special

__all__ = ["Header", "ImageFile", "Packing", "open_image", "open_regular", "refuse_special"]
