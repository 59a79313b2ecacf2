"""The import of ONNX Runtime."""

from __future__ import annotations

import os
from typing import Any, Final

from negvol_cli.errors import ModelError
from negvol_cli.inference.one_line import one_line

_NO_TELEMETRY: Final = "ORT_DISABLE_TELEMETRY"


def runtime() -> Any:
    """Import ONNX Runtime with its telemetry switched off.

    From 1.29 on, ONNX Runtime reports what it does over the network, down to a model's name, unless
    an environment variable is set before it is loaded; on Windows it writes to the system's event
    trace, which its own function stops.

    Raises
    ------
    ModelError
        ONNX Runtime is missing, or was half removed: onnxruntime and onnxruntime-gpu install into
        the same folder, and uninstalling either leaves an empty package.
    """
    os.environ[_NO_TELEMETRY] = "1"
    try:
        import onnxruntime

        onnxruntime.InferenceSession  # noqa: B018 - half removed, it is importable and empty
        onnxruntime.disable_telemetry_events()
    except (ImportError, AttributeError, OSError) as err:
        raise ModelError(
            f"ONNX Runtime cannot be loaded ({one_line(err)}); uninstall onnxruntime and "
            "onnxruntime-gpu, then install one of them"
        ) from err
    return onnxruntime
