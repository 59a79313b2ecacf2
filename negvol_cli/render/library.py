"""The 3D library of the page: of plotly.js the part that draws in 3D, as its authors build it.

``plotly/plotly-gl3d.min.js.gz`` is ``plotly-gl3d.min.js`` of npm's plotly.js-gl3d-dist-min 4.1.1,
compressed; its licence, MIT, is beside it. It is a third of the library that Python's plotly
brings, and stays compressed in the page, so that a report has 2 MB instead of 6.
"""

from __future__ import annotations

import base64
import gzip
from importlib.resources import files
from typing import Final

LIBRARY: Final = "plotly.min.js"
"""The name of the library where several pages share one."""


def library_text() -> str:
    """The library's program."""
    return gzip.decompress(_compressed()).decode("utf-8")


def packed_library() -> str:
    """The library compressed by gzip, in base64, as the page unpacks it."""
    return base64.b64encode(_compressed()).decode("ascii")


def _compressed() -> bytes:
    return files("negvol_cli.render").joinpath("plotly", "plotly-gl3d.min.js.gz").read_bytes()
