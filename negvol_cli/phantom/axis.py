"""The true axis of a condylar process, from the function that defines its bone.

Sampled on a lattice through the distance function; nothing is shared with the product, whose
definition it is: from the centroid of the mandible 12 to 20 mm from the head's centre and within
41 degrees of the axis below it, to the centroid of the head, found in turn. In it the head is what
lies at most 8.5 mm below the level over which there are 150 mm³ of bone (or a tenth of what is
within 12 mm of the axis, if that is less), within 14 mm of the axis.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Points, Vector, vector
from negvol_cli.phantom.probe import Distance, Mask, Values
from negvol_cli.settings import HeadSettings

REACH_MM: Final = 36.0
STEP_MM: Final = 1.0
"""As each point counts by its share inside, centroids of some cm³ are good to 0.1 mm."""

# The definition's own: see docs/method.md.
SHELL_MM: Final = (12.0, 20.0)
CONE: Final = 0.75
TOO_SHORT_MM: Final = 15.0
TOP_MM3: Final = 150.0
DEPTH_MM: Final = 8.5


def process_axis(
    condyle: Distance, centre_mm: Points, settings: HeadSettings
) -> tuple[Vector, Points]:
    """The unit vector up the process of MC about ``centre_mm`` (3,), and a point of the axis (3,).

    LPS +z where MC ends less than 15 mm below its head. Raises ValueError without MC there.
    """
    line = np.arange(-REACH_MM, REACH_MM + STEP_MM, STEP_MM)
    lattice = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1)
    shape = lattice.shape[:3]
    points = lattice.reshape(-1, 3) + centre_mm
    bone = np.clip(0.5 - condyle(points) / STEP_MM, 0.0, 1.0)
    solid = bone > 0
    if not (solid & (np.linalg.norm(points - centre_mm, axis=1) < REACH_MM / 2)).any():
        raise ValueError(f"there is no condyle within {REACH_MM / 2:g} mm of {vector(centre_mm)}")
    box = _Samples(points[solid], bone[solid], np.flatnonzero(solid), shape)
    up, own = np.array([0.0, 0.0, 1.0]), True
    middle = np.asarray(centre_mm, dtype=float)
    for _ in range(60):
        last_up, last = up, middle
        part, floor = box.head(up, middle, settings)
        middle = box.centroid(part)
        below = box.shaft(up, middle, floor)
        own = own and below is not None
        up = np.array([0.0, 0.0, 1.0])
        if own and below is not None:
            up = (middle - below) / np.linalg.norm(middle - below)
        if np.abs(up - last_up).max() < 1e-5 and np.abs(middle - last).max() < 1e-4:
            break
    return vector(up), middle


class _Samples:
    """Points (N, 3) of a lattice in or at MC, the share of MC about each, and their places."""

    def __init__(
        self,
        points: Points,
        share: Values,
        place: npt.NDArray[np.intp],
        shape: tuple[int, ...],
    ) -> None:
        self.points, self.share, self.place, self.shape = points, share, place, shape

    def centroid(self, part: Mask) -> Points:
        weight = self.share[part]
        return np.asarray(weight @ self.points[part] / weight.sum())

    def head(self, up: Points, through: Points, settings: HeadSettings) -> tuple[Mask, float]:
        """The head's samples (N,), and the level along ``up`` on which it ends."""
        level = self.points @ up
        aside = np.linalg.norm(np.cross(self.points - through, up), axis=1)
        column = np.flatnonzero(aside <= settings.apex_radius_mm)
        column = column[np.argsort(-level[column])]
        above = np.cumsum(self.share[column]) * STEP_MM**3
        top = level[column[np.searchsorted(above, min(TOP_MM3, above[-1] / 10))]]
        room = (level >= top - DEPTH_MM) & (aside <= settings.radius_mm)
        filled = np.zeros(int(np.prod(self.shape)), dtype=bool)
        filled[self.place[room]] = True
        pieces = ndimage.label(filled.reshape(self.shape))[0].ravel()[self.place]
        pieces[~room] = 0
        return pieces == np.bincount(pieces[pieces > 0]).argmax(), float(top - DEPTH_MM)

    def shaft(self, up: Points, middle: Points, floor: float) -> Points | None:
        """The centroid of what lies below; None where it ends too soon."""
        offset = self.points - middle
        far = np.linalg.norm(offset, axis=1)
        below = (self.points @ up < floor) & (offset @ up <= -CONE * far) & (self.share > 0.5)
        if not below.any() or far[below].max() < TOO_SHORT_MM:
            return None
        return self.centroid(below & (far >= SHELL_MM[0]) & (far <= SHELL_MM[1]))
