"""A CT scanner as physics: what it makes of a point, of intensities and of noise.

``scanner`` draws a voxel as one or a few samples of the head, which is quick and good enough to
train with. Here every voxel is the integral of a finely painted head over the scanner's own
point spread, so that edges lie where a scanner of that sharpness would put them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtr

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.phantom.scanner import streaks
from negvol_cli.phantom.scene import Scene

Floats = npt.NDArray[np.float32]

REACH_SD: Final = 4.0
"""How many standard deviations of its blur a voxel sees: the rest is under a ten-thousandth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One scanner, reconstruction and export.

    A voxel is the mean over its own width in the plane (x, y of the grid) and over ``slice_mm``
    across (None: the spacing of the slices; larger: overlapping slabs), of the head blurred by
    Gaussians of standard deviation ``blur_mm`` in the plane and ``blur_z_mm`` across (None: the
    same). A bone kernel adds ``sharpen`` times what a further blur of ``sharpen_mm`` takes away.
    ``streaks_hu`` is the strength of the streaks that start at metal. ``noise_hu`` is the noise's
    standard deviation in the image and ``grain_mm`` that of its correlation in the plane; across,
    overlapping slabs share theirs. ``gain`` is about 0 HU.
    What is stored ends at ``limits_hu``: the scanner's own limits, or those of an export.
    """

    blur_mm: float = 0.45
    blur_z_mm: float | None = None
    slice_mm: float | None = None
    sharpen: float = 0.0
    sharpen_mm: float = 0.6
    streaks_hu: float = 0.0
    noise_hu: float = 12.0
    grain_mm: float = 0.4
    gain: float = 1.0
    offset_hu: float = 0.0
    limits_hu: tuple[float, float] = (-1024.0, 3071.0)

    def __post_init__(self) -> None:
        for name in ("blur_mm", "sharpen", "streaks_hu", "noise_hu", "grain_mm"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name):g}")
        for name in ("gain", "sharpen_mm"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name):g}")
        if self.limits_hu[0] >= self.limits_hu[1]:
            raise ValueError(f"limits_hu must rise, got {self.limits_hu}")

    def sees(self, scene: Scene, grid: Grid, seed: int = 0) -> Volume:
        """The int16 CT of ``scene`` over ``grid``, whose axes may not be oblique.

        Only noise and streaks depend on ``seed``. Where nothing was painted there is air.
        """
        if not np.array_equal(np.abs(grid.direction), np.eye(3).ravel()):
            raise ValueError("a machine's grid lies along LPS: turn the head, not the grid")
        hu = np.full(grid.shape_zyx, -1000.0, dtype=np.float32)
        for part in scene.parts:
            where, seen = self._part(part, grid)
            hu[where] = seen
        if self.streaks_hu > 0:
            rng = np.random.default_rng([seed, 13])
            hu += streaks(grid, scene.metal_mm, self.streaks_hu, rng)
        hu += self._noise(grid, seed)
        hu = np.clip(hu * np.float32(self.gain) + np.float32(self.offset_hu), *self.limits_hu)
        return Volume(np.rint(hu).astype(np.int16), grid)

    def width_mm_xyz(self, grid: Grid) -> npt.NDArray[np.float64]:
        """(3,): the standard deviation of the whole spread, blur and voxel, along x, y, z.

        Without what ``sharpen`` gives back.
        """
        blur, box = self._spread(grid)
        return np.sqrt(np.square(blur) + np.square(box) / 12.0)

    def _spread(self, grid: Grid) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Per axis x, y, z: standard deviation of the blur and width of the box, mm."""
        across = self.blur_mm if self.blur_z_mm is None else self.blur_z_mm
        x, y, z = grid.spacing_mm_xyz
        return (self.blur_mm, self.blur_mm, across), (x, y, self.slice_mm or z)

    def _part(self, part: Volume, grid: Grid) -> tuple[tuple[slice, ...], Floats]:
        """The voxels that see nothing beyond ``part``, as slices [z, y, x], and what they see."""
        blur, box = self._spread(grid)
        # painting an edge into cells of width h blurs it by f (1 - f) h² where f of a cell is bone
        painted = part.grid.spacing_mm_xyz[0] ** 2 / 6.0
        blur = tuple(float(np.sqrt(max(b * b - painted, 0.0))) for b in blur)
        sharp = [_weights(part.grid, grid, axis, blur[axis], box[axis]) for axis in range(3)]
        where = tuple(span for span, _ in reversed(sharp))
        seen = _through(part.values_zyx, [matrix for _, matrix in sharp])
        if self.sharpen > 0:
            wide = [
                _weights(part.grid, grid, axis, float(np.hypot(blur[axis], self.sharpen_mm)), b)
                for axis, b in enumerate(box)
            ]
            where = tuple(span for span, _ in reversed(wide))
            inner = tuple(
                slice(w.start - s.start, w.stop - s.start)
                for (w, _), (s, _) in zip(reversed(wide), reversed(sharp), strict=True)
            )
            seen = seen[inner]
            blurred = _through(part.values_zyx, [matrix for _, matrix in wide])
            seen = seen + np.float32(self.sharpen) * (seen - blurred)
        return where, seen

    def _noise(self, grid: Grid, seed: int) -> Floats | np.float32:
        """Noise [z, y, x] before the gain; a quiet machine has none."""
        if self.noise_hu == 0:
            return np.float32(0.0)
        rng = np.random.default_rng([seed, 11])
        noise = rng.standard_normal(grid.shape_zyx, dtype=np.float32)
        sx, sy, sz = grid.spacing_mm_xyz
        noise = ndimage.gaussian_filter(noise, (0.0, self.grain_mm / sy, self.grain_mm / sx))
        slab = round((self.slice_mm or sz) / sz)
        if slab > 1:
            noise = ndimage.uniform_filter1d(noise, slab, axis=0)
        return np.asarray(noise * np.float32(self.noise_hu / noise.std()))


def _weights(
    fine: Grid, grid: Grid, axis: int, blur_mm: float, box_mm: float
) -> tuple[slice, Floats]:
    """Which voxels along one axis see only ``fine``, and what each fine cell gives them.

    The weights (voxels, cells) are exact integrals of a Gaussian spread over a box.
    """
    step, count = fine.spacing_mm_xyz[axis], fine.size_xyz[axis]
    turn = 1.0 if grid.direction[4 * axis] > 0 else -1.0
    centres = grid.origin_mm_xyz[axis] + turn * grid.spacing_mm_xyz[axis] * np.arange(
        grid.size_xyz[axis]
    )
    faces = fine.origin_mm_xyz[axis] + step * (np.arange(count + 1) - 0.5)
    reach = REACH_SD * blur_mm + box_mm / 2
    inside = (centres - reach >= faces[0]) & (centres + reach <= faces[-1])
    if not inside.any():
        return slice(0, 0), np.zeros((0, count), dtype=np.float32)
    first, last = np.flatnonzero(inside)[[0, -1]]
    offset = faces[None, :] - centres[first : last + 1, None]
    below = (_ramp(offset + box_mm / 2, blur_mm) - _ramp(offset - box_mm / 2, blur_mm)) / box_mm
    return slice(int(first), int(last) + 1), np.diff(below, axis=1).astype(np.float32)


def _ramp(x: npt.NDArray[np.float64], sd: float) -> npt.NDArray[np.float64]:
    """The integral of a Gaussian edge of standard deviation ``sd`` up to ``x``."""
    if sd == 0:
        return np.maximum(x, 0.0)
    t = x / sd
    return np.asarray(x * ndtr(t) + sd * np.exp(-0.5 * t * t) / np.sqrt(2 * np.pi))


def _through(fine_zyx: Floats, weights_xyz: list[Floats]) -> Floats:
    """The fine image [z, y, x] seen along each axis through its weights."""
    x, y, z = weights_xyz
    seen = fine_zyx @ x.T
    seen = np.matmul(y, seen)
    return np.asarray(np.tensordot(z, seen, axes=1))
