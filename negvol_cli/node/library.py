"""pynetdicom, which comes with the extra ``dicom`` and is imported when it is first needed."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType
from typing import Any, Final

from negvol_cli.errors import NegvolError

IMPLEMENTATION: Final = "2.25.88165425037785317931994067046325338110"
"""The class UID (PS3.7 D.3.3.2) by which other nodes know this implementation; any UUID will do."""
EXTRA: Final = ("highdicom", "pynetdicom", "reportlab")
INSTALL: Final = "pip install 'negvol[dicom]'"


def require_extra() -> None:
    """Raise NegvolError where a package of the extra ``dicom`` is not installed."""
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise NegvolError(
            f"{' and '.join(missing)} not installed, for results as DICOM and their transfer: "
            f"{INSTALL}"
        )


@cache
def pynetdicom() -> ModuleType:
    """The library, told not to log what it sends and receives.

    Raises NegvolError where the extra is not installed.
    """
    require_extra()
    import pynetdicom
    from pynetdicom import _config

    _config.LOG_HANDLER_LEVEL = "none"  # its texts quote headers, and building them takes time
    return pynetdicom


def entity(title: str) -> Any:
    """An application entity of ours. Raises NegvolError without the extra."""
    made = pynetdicom().AE(title)
    made.implementation_class_uid = IMPLEMENTATION
    made.implementation_version_name = "NEGVOL"
    return made
