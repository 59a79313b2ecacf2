"""Peaks of a histogram, as ``scipy.signal.find_peaks`` gives them.

SciPy's loads all of its statistics on the way: a third of a second, at the start of every run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def peaks(counts: npt.NDArray[Any], prominence: float, height: float = -np.inf) -> list[int]:
    """The bins of local maxima of ``counts`` (N,) that stand out by at least ``prominence``.

    A peak's prominence is how far it rises above the higher of the two valleys that part it from
    higher ground or from an end. A flat top counts once, at its middle; the ends are no peaks.
    Those below ``height`` are left out.
    """
    begins = np.flatnonzero(np.concatenate([[True], counts[1:] != counts[:-1]]))
    ends = np.append(begins[1:], len(counts)) - 1
    level = counts[begins]
    tops = 1 + np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] > level[2:]))
    found = []
    for top in tops:
        higher = np.flatnonzero(level > level[top])
        before = higher[higher < top]
        after = higher[higher > top]
        left = level[(before[-1] if len(before) else 0) : top].min()
        right = level[top : (after[0] + 1 if len(after) else len(level))].min()
        if level[top] >= height and level[top] - max(left, right) >= prominence:
            found.append(int(begins[top] + ends[top]) // 2)
    return found
