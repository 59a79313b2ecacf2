"""Peaks of a histogram, held against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, signal

from negvol_cli.steps.peaks import peaks


def test_a_peak_stands_out_from_the_higher_of_its_valleys() -> None:
    counts = np.array([0, 5, 2, 9, 1, 4, 3, 3, 0])

    assert peaks(counts, prominence=3) == [1, 3, 5]
    assert peaks(counts, prominence=3.5) == [3]
    assert peaks(counts, prominence=1, height=5) == [1, 3]


def test_a_flat_top_counts_once_and_the_ends_do_not() -> None:
    assert peaks(np.array([9, 1, 4, 4, 4, 1, 7]), prominence=1) == [3]


def test_what_is_flat_or_rises_throughout_has_no_peak() -> None:
    assert peaks(np.zeros(5), prominence=0) == []
    assert peaks(np.arange(5.0), prominence=0) == []


@pytest.mark.parametrize("seed", range(20))
def test_they_are_those_that_scipy_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = ndimage.gaussian_filter1d(rng.integers(0, 9, 400).astype(float), 1 + seed % 4)
    if seed % 2:
        counts = np.round(counts)  # with plateaus
    least, high = 0.3, float(np.median(counts))
    expected, _ = signal.find_peaks(counts, height=high, prominence=least)

    assert peaks(counts, prominence=least, height=high) == expected.tolist()
