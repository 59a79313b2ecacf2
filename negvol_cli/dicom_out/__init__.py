"""Results as DICOM, for where radiologists look: a segmentation, a structured report, a PDF.

``writing.dicom_out`` reads the headers of a series and gives what writes its result below
``<scan>/dicom/``. The only package that knows highdicom, which comes with the extra ``dicom``; it
is imported where it is used, so that everything else runs without.
"""
