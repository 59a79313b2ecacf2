"""Two images laid onto each other by intensity; the only module that knows SimpleITK."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from negvol_cli.geometry.grid import Grid, Points, Volume

SHARE: Final = 0.2
"""Of the mask's voxels, drawn with a fixed seed. With half or twice as many, the shift of a
phantom's condyle changes by 0.007 mm at most (``benchmarks.compare_constants``)."""
STEP_MM: Final = 0.2
LEAST_STEP_MM: Final = 1e-3
ROUNDS: Final = 60
RELAXED: Final = 0.6
"""The first step, the last, how many at most, and by what a step shrinks where the gradient turns.
Each halved or doubled (0.95 for 0.6), the shift changes by 0.003 mm at most (there as well)."""


def align_intensities(
    fixed: Volume,
    moving: Volume,
    mask_zyx: npt.NDArray[np.bool_],
    start: tuple[npt.NDArray[np.float64], Points],
    centre_mm: Points,
) -> tuple[npt.NDArray[np.float64], Points] | None:
    """The turn (3, 3) and shift (3,) from ``fixed`` to ``moving``, world mm, that match them best.

    What is maximised is the correlation over ``mask_zyx`` on the fixed grid, which other gains and
    offsets of a scanner do not change. ``start`` is where the search begins, about ``centre_mm``.
    None where it fails, as it does when the images hardly overlap.
    """
    turn, shift = start
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre_mm.tolist())
    transform.SetMatrix(turn.ravel().tolist(), 1e-6)
    transform.SetTranslation((turn @ centre_mm + shift - centre_mm).tolist())
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums in one order: the same figures each time
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(SHARE, seed=1)
    method.SetMetricFixedMask(to_sitk(Volume(mask_zyx.astype(np.uint8), fixed.grid)))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(STEP_MM, LEAST_STEP_MM, ROUNDS, RELAXED)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(_floats(fixed), _floats(moving))
    except RuntimeError:  # SimpleITK has no exception of its own
        return None
    found = np.array(transform.GetMatrix(), dtype=np.float64).reshape(3, 3)
    return found, centre_mm - found @ centre_mm + np.array(transform.GetTranslation())


def grid_of(image: sitk.Image) -> Grid:
    """The grid of a SimpleITK image."""
    return Grid(
        tuple(image.GetSize()),
        tuple(image.GetSpacing()),
        tuple(image.GetOrigin()),
        tuple(image.GetDirection()),
    )


def to_sitk(volume: Volume) -> sitk.Image:
    """A SimpleITK image with the volume's values and grid."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.values_zyx))
    image.SetSpacing(volume.grid.spacing_mm_xyz)
    image.SetOrigin(volume.grid.origin_mm_xyz)
    image.SetDirection(volume.grid.direction)
    return image


def _floats(volume: Volume) -> Any:
    return sitk.Cast(to_sitk(volume), sitk.sitkFloat32)
