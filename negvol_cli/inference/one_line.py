"""The errors of foreign libraries in one line."""

from __future__ import annotations

import re
from typing import Final

_IN_ITS_SOURCE: Final = re.compile(
    r".*\[ONNXRuntimeError\] : |(Exception from|Check '.*?' failed at) \S+ ?"
    r"|FrontEnd API failed with \w+: ?"
)
"""What ONNX Runtime and OpenVINO say of the place in their own source where an error was raised."""


def one_line(err: BaseException) -> str:
    """Return the message of a foreign error in one line, without where it was raised."""
    text = " ".join(str(err).split())
    return _IN_ITS_SOURCE.sub("", text).strip()[:300]
