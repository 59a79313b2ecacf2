"""Whether ONNX Runtime can use a GPU on this machine and, if not, why.

ONNX Runtime falls back to the CPU with a line on stderr at best. Its requirements are checked
here, the cheapest first, so that the reason is known and a machine without a GPU never loads the
CUDA libraries (hundreds of MB).
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from typing import Final

from negvol_cli.inference.runtime import runtime

CUDA: Final = "CUDAExecutionProvider"
CPU: Final = "CPUExecutionProvider"
CUDA_OPTIONS: Final = {
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}


@cache
def why_no_gpu() -> str:
    """Return why CUDA cannot be used, or "" if no check beforehand speaks against it.

    In that case the CUDA libraries are loaded from the ``cuda`` extra, if it is installed.
    """
    if reason := _driver_trouble():
        return reason
    ort = runtime()
    if CUDA not in ort.get_available_providers():
        return "the installed ONNX Runtime has no CUDA (onnxruntime-gpu has)"
    with contextlib.redirect_stdout(io.StringIO()):  # what is missing, the session says better
        ort.preload_dlls(directory="")  # of pip's nvidia packages, where they are installed
    return ""


def _driver_trouble() -> str:
    """What the NVIDIA driver says against using a GPU, or ""."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return f"there is no NVIDIA driver here ({name} cannot be loaded)"
    count = ctypes.c_int(0)
    code = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if code:
        return f"the NVIDIA driver does not start (CUDA error {code})"
    return "" if count.value else "the NVIDIA driver shows no GPU"


@contextlib.contextmanager
def captured_stderr() -> Iterator[list[str]]:
    """Collect what native code writes to file descriptor 2; the list is filled on exit."""
    lines: list[str] = []
    with tempfile.TemporaryFile() as catch:
        kept = os.dup(2)
        os.dup2(catch.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            catch.seek(0)
            lines += catch.read().decode("utf-8", "replace").splitlines()


def fallback_reason(lines: list[str]) -> str:
    """Extract why ONNX Runtime fell back to the CPU from the lines that it logged."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", " ".join(lines))
    if found := re.search(r"with error: (.*?)(?=\s*\d{4}-\d\d-\d\d |\s*$)", text):
        return f"a library of CUDA cannot be loaded: {found[1]} (pip install 'negvol[cuda]')"
    if found := re.search(r"ONNXRuntimeError\] : (.*?)(?=\s*\d{4}-\d\d-\d\d |\s*$)", text):
        return found[1]
    return "ONNX Runtime fell back to the CPU without a reason"
