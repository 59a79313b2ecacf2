"""NIfTI, NRRD and MetaImage, read by our own decoders from bytes that are read only once.

No library opens these files: ITK fills in what a header leaves out (a spacing of 1 mm), overlooks
checksums and contradictions, and may read the voxels of a file that was not named
(InsightSoftwareConsortium/ITK#2243). nibabel is not stricter about units, slopes and forms, knows
neither NRRD nor MetaImage, and would be another dependency.
"""

from negvol_cli.io.formats.header import Header, Packing
from negvol_cli.io.formats.image_file import ImageFile, open_image
from negvol_cli.io.formats.streams import open_regular, refuse_special

__all__ = ["Header", "ImageFile", "Packing", "open_image", "open_regular", "refuse_special"]
