"""DICOM nodes: results sent to a PACS, and a node that measures what a PACS sends.

pynetdicom, which speaks the protocol, comes with the extra ``dicom`` and is imported here alone,
when it is needed (``library``). ``serving`` is where a reader starts.
"""
