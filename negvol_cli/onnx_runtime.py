"""Importing ONNX Runtime, and its errors in one line."""

from __future__ import annotations

from typing import Any

from negvol_cli.errors import ModelError


def runtime() -> Any:
    """Import ONNX Runtime. Raises ModelError where it is not there or was half removed.

    The distributions onnxruntime and onnxruntime-gpu fill one folder: uninstalling either leaves
    a package without content.
    """
    try:
        import onnxruntime

        onnxruntime.InferenceSession  # noqa: B018 - half removed, it is importable and empty
    except (ImportError, AttributeError, OSError) as err:
        raise ModelError(
            f"ONNX Runtime cannot be loaded ({one_line(err)}); uninstall onnxruntime and "
            "onnxruntime-gpu, then install one of them"
        ) from err
    return onnxruntime


def one_line(err: BaseException) -> str:
    """The message of a foreign error in one line, without where it was raised."""
    text = " ".join(str(err).split())
    return text.rsplit("[ONNXRuntimeError] : ", 1)[-1][:300]
