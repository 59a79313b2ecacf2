"""The fixed HU window through which networks see a scan, in training as in use."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def normalise(hu: npt.NDArray[Any], window_hu: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Map ``window_hu`` to [-1, 1], clipping outside; the same for every scan."""
    low, high = window_hu
    scaled = (np.asarray(hu, dtype=np.float32) - low) * (2.0 / (high - low)) - 1.0
    return np.asarray(np.clip(scaled, -1.0, 1.0), dtype=np.float32)
