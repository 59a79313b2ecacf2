"""Bones outlined at 250 HU: where blur puts their edge, and what stays as it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage
from scipy.stats import norm

from negvol_cli.structures import Label
from training.data.outline import BEYOND_MM, OUTLINE_HU, outlined

SPACING_MM = 0.1
BLUR_MM = 0.5
BONE_HU = 1500.0
SHAPE = (80, 3, 3)
MC, TB = Label.CONDYLE, Label.TEMPORAL_BONE


def column(**bones: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Slabs of condyle and bone between two heights in mm."""
    z = (np.arange(SHAPE[0]) + 0.5) * SPACING_MM
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for name, (low, high) in bones.items():
        labels[(z >= low) & (z < high)] = {"condyle": MC, "bone": TB}[name]
    return labels


def blurred(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    hu = np.where(labels > 0, BONE_HU, 0.0)
    return ndimage.gaussian_filter1d(hu, BLUR_MM / SPACING_MM, axis=0, mode="nearest")


def height_mm(mask: npt.NDArray[np.bool_]) -> float:
    return float(mask[:, 1, 1].sum()) * SPACING_MM


def test_an_edge_moves_out_to_where_the_blurred_bone_has_250_hu() -> None:
    labels = column(condyle=(0.0, 4.0))
    out_mm = -BLUR_MM * norm.ppf(OUTLINE_HU / BONE_HU)

    drawn = outlined(labels, blurred(labels), SPACING_MM)

    assert height_mm(drawn == MC) - 4.0 == pytest.approx(out_mm, abs=SPACING_MM / 2 + 1e-3)
    assert 0.2 < out_mm < BEYOND_MM
    assert not (drawn == TB).any()


def test_brightness_farther_out_is_not_bone() -> None:
    labels = column(bone=(0.0, 4.0))

    drawn = outlined(labels, np.full(SHAPE, BONE_HU), SPACING_MM)

    assert abs(height_mm(drawn == TB) - (4.0 + BEYOND_MM)) < 1.5 * SPACING_MM


def test_a_narrow_joint_space_stays_open() -> None:
    labels = column(condyle=(0.0, 3.0), bone=(4.0, 8.0))
    hu = blurred(labels)
    gap = (labels == 0)[:, 1, 1]
    assert hu[gap].min() > OUTLINE_HU  # blur has closed it

    drawn = outlined(labels, hu, SPACING_MM)

    assert 0.3 < height_mm(drawn == 0) < 0.7
    assert height_mm(drawn == MC) > 3.0
    assert height_mm(drawn == TB) > 4.0


def test_dim_marrow_of_the_temporal_bone_is_left_out_and_a_thin_roof_and_the_condyle_kept() -> None:
    dim = np.full(SHAPE, 100.0)
    thick, thin, condyle = column(bone=(1.0, 7.0)), column(bone=(3.0, 4.0)), column(condyle=(1, 7))

    assert abs(height_mm(outlined(thick, dim, SPACING_MM) == 0) - (2.0 + 4.0)) < 0.3
    assert np.array_equal(outlined(thin, dim, SPACING_MM), thin)
    assert np.array_equal(outlined(condyle, dim, SPACING_MM), condyle)
