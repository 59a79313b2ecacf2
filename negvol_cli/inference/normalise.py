"""The fixed HU window through which networks see a scan, in training as in use."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Image = TypeVar("Image", bound=Any)


def normalise(hu: npt.NDArray[Any], window_hu: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Map ``window_hu`` to [-1, 1], clipping outside; the same for every scan."""
    return windowed(np.asarray(hu, dtype=np.float32), window_hu)


def windowed(hu: Image, window_hu: tuple[float, float]) -> Image:
    """As ``normalise``, for what is float32 already: an array here, a tensor in training."""
    low, high = window_hu
    scaled: Image = ((hu - low) * (2.0 / (high - low)) - 1.0).clip(-1.0, 1.0)
    return scaled
