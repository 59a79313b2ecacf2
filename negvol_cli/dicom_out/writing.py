"""``<scan>/dicom/``: the objects of one result, written together."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from negvol_cli.dicom_out.equipment import Production
from negvol_cli.dicom_out.source import Source, read_source
from negvol_cli.errors import InputError, NegvolError
from negvol_cli.io.dicom import Series
from negvol_cli.io.dicom.attributes import quiet
from negvol_cli.io.output_folder import DICOM_FOLDER
from negvol_cli.pipeline import Measurement
from negvol_cli.saving import WriteDicom

SEGMENTATION: Final = "segmentation.dcm"
MEASUREMENTS: Final = "measurements.dcm"
REPORT: Final = "report.dcm"

_NEEDED: Final = ("highdicom", "reportlab")


def dicom_out(series: Series) -> WriteDicom:
    """Read the headers of a series, and give what writes its result as DICOM.

    Raises InputError where results could not refer to the series, and NegvolError where the extra
    ``dicom`` is not installed: both before anything is measured.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        why = "results as DICOM take the extra 'dicom': pip install 'negvol[dicom]'"
        raise NegvolError(why, public=why)
    return partial(_write, read_source(series))


def _write(source: Source, measurement: Measurement, folder: Path) -> Mapping[str, str]:
    from negvol_cli.dicom_out.pdf import encapsulated, pdf_of
    from negvol_cli.dicom_out.seg import segmentation
    from negvol_cli.dicom_out.sr import structured_report

    if measurement.scan.sha256 != source.sha256:
        raise InputError(
            f"{measurement.scan.name} was changed while it was read: wait until it is copied whole"
        )
    place = folder / DICOM_FOLDER
    place.mkdir()
    production = Production(
        content="\n".join(
            [source.series_uid, source.sha256, (folder / "report.json").read_text("utf-8")]
        ),
        moment=datetime.now(),
        bundle=measurement.report.bundle,
        series_uid=source.series_uid,
    )
    with _hushed():
        segments, numbers = segmentation(measurement, source, production)
        if segments is not None:
            _save(segments, place / SEGMENTATION)
        report = structured_report(measurement.report, source, production, segments, numbers)
        _save(report, place / MEASUREMENTS)
        pdf, how = pdf_of((folder / "report.html").read_text("utf-8"))
        _save(encapsulated(pdf, measurement.report, source, production), place / REPORT)
    return {"pdf": how}


def _save(made: Dataset, path: Path) -> None:
    made.save_as(path, enforce_file_format=True)


@contextmanager
def _hushed() -> Iterator[None]:
    """Neither warn of, nor log, nor refuse what a header says, which may be a patient's name."""
    logger = logging.getLogger("highdicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with quiet(), disable_value_validation():
            yield
    finally:
        logger.setLevel(level)
