"""A phantom trunk: bones and air of another part of the body, with no jaw joint to be found."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from negvol_cli.geometry.grid import Grid, Points, Vector, Volume
from negvol_cli.phantom.pose import Pose
from negvol_cli.phantom.scanner import AIR_HU, ScanSettings, scan
from negvol_cli.phantom.shapes import Array, Sweep, Waves, coverage, ellipsoid, rod, union
from negvol_cli.phantom.soft import FAT_HU, MUSCLE_HU


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomAbdomen:
    """A trunk about the world's origin from the lowest ribs to the hips; LPS mm.

    ``organs`` and ``gas`` hold the place of soft tissue (with its HU) and of air; ``bones`` are
    solids laid on the left side.
    """

    outline: tuple[Sweep, ...]
    inside: Sweep
    organs: tuple[tuple[Sweep, float], ...]
    gas: tuple[Sweep, ...]
    bones: tuple[tuple[Sweep, ...], ...]
    sockets: Sweep
    pose: Pose
    cortex_hu: float
    marrow_hu: float
    mottle: Waves

    def scan(self, grid: Grid, settings: ScanSettings, seed: int = 0) -> Volume:
        """The int16 CT of the trunk over ``grid``; ``seed`` draws the noise."""
        return scan(grid, self._paint, settings, seed, np.zeros((0, 3)))

    def _paint(self, points_mm: Points, width_mm: float) -> Array:
        samples = self.pose.samples(points_mm, np.float32)
        both = samples.folded()
        skin = union(self.outline, both, 20.0)
        hu = np.full_like(skin, AIR_HU)
        if skin.min() > width_mm:
            return hu
        fat = FAT_HU + 6.0 * self.mottle.value(samples)
        hu += coverage(skin, width_mm) * (fat - hu)
        wall = np.abs(self.inside.distance(samples) - 8.0) - 8.0
        hu += coverage(wall, width_mm) * (MUSCLE_HU - hu)
        for organ, value in self.organs:
            if organ.near(samples, 4.0):
                hu += coverage(organ.distance(samples), width_mm) * (value - hu)
        hu += coverage(union(self.gas, samples, 4.0), width_mm) * (AIR_HU - hu)
        for group in self.bones:
            bone = union(group, both, 4.0)
            if bone.min() < width_mm:
                hollow = self.sockets.distance(both)
                bone = np.maximum(bone, -hollow) if group is self.bones[-1] else bone
                hu = _bone(hu, bone, self.cortex_hu, self.marrow_hu, width_mm)
        return hu


def _bone(hu: Array, distance: Array, cortex: float, marrow: float, width: float) -> Array:
    outer, core = coverage(distance, width), coverage(distance + 1.5, width)
    return np.asarray(hu * (1 - outer) + (outer - core) * cortex + core * marrow)


LUNGS = (
    Sweep((-75, 5, 170), (-60, 5, 330), (62, 70, 60), (52, 62, 60)),
    Sweep((80, 10, 165), (62, 5, 330), (58, 68, 60), (50, 60, 60)),
)


def _bubble(rng: np.random.Generator, wide: float, deep: float) -> Sweep:
    """Gas in the bowel of a trunk, whose half axes are given in mm."""
    u = rng.uniform
    return ellipsoid(
        (float(u(-0.6, 0.6) * wide), float(u(-0.55, 0.1) * deep), float(u(-110, 110))),
        (float(u(8, 35)), float(u(8, 24)), float(u(8, 35))),
    )


def draw_abdomen(seed: int) -> PhantomAbdomen:
    """A trunk of its own sizes; the same seed gives the same one."""
    rng = np.random.default_rng([seed, 20])
    u = rng.uniform
    wide, deep = float(u(140, 190)), float(u(95, 135))
    spine_y = 0.42 * deep
    hip = (float(u(80, 95)), 0.05 * deep, -165.0)
    ribs = tuple(_rib(wide, deep, z) for z in np.arange(45.0, 260.0, 26.0).tolist())
    gas = tuple(_bubble(rng, wide, deep) for _ in range(9))
    organs = (
        (Sweep((-70, -8, 90), (20, -30, 110), (68, 68, 62), (50, 35, 30)), float(u(45, 115))),
        (ellipsoid((95, 22, 110), (34, 45, 45)), float(u(45, 120))),
        (ellipsoid((-58, 0.38 * deep, 10), (26, 24, 52)), float(u(30, 190))),
        (ellipsoid((58, 0.38 * deep, 22), (26, 24, 52)), float(u(30, 190))),
        (ellipsoid((0, -0.1 * deep, -165), (45, 38, 36)), float(u(0, 20))),
        (rod((8, 0.18 * deep, 300), (4, 0.2 * deep, -80), 11.0), float(u(40, 300))),
    )
    return PhantomAbdomen(
        outline=(
            Sweep((0, 0, 340), (0, 5, -60), (wide * 0.95, deep, 60), (wide, deep, 60)),
            Sweep((0, 5, -60), (0, 5, -190), (wide, deep, 60), (wide * 1.05, deep * 1.02, 60)),
            Sweep((95.0, 5, -200), (90, 5, -400), (82, 88, 50), (75, 80, 50)),
        ),
        inside=Sweep(
            (0, -8, 330), (0, -8, -150), (wide - 24, deep - 30, 50), (wide - 40, deep - 40, 50)
        ),
        organs=organs,
        gas=gas + LUNGS,
        bones=(*_vertebrae(spine_y), *ribs, _femur(hip), _pelvis(deep, spine_y, hip)),
        sockets=ellipsoid(hip, (27.0, 27.0, 27.0)),
        pose=Pose.draw(rng),
        cortex_hu=float(u(700, 1300)),
        marrow_hu=float(u(150, 350)),
        mottle=Waves.draw(rng, 4, 20.0),
    )


def _vertebrae(spine_y: float) -> tuple[tuple[Sweep, ...], ...]:
    """Each with a body, transverse processes, arch and spinous process."""
    return tuple(
        (
            ellipsoid((0.0, spine_y, z), (24.0, 17.0, 14.0)),
            rod((16.0, spine_y + 18, z), (46.0, spine_y + 24, z), 4.0),
            rod((10.0, spine_y + 18, z), (0.0, spine_y + 36, z), 5.0),
            rod((0.0, spine_y + 34, z - 2), (0.0, spine_y + 50, z - 12), 4.0),
        )
        for z in np.arange(-105.0, 231.0, 34.0).tolist()
    )


def _femur(hip: Vector) -> tuple[Sweep, ...]:
    """Head, neck and shaft."""
    return (
        ellipsoid(hip, (23.0, 23.0, 23.0)),
        rod(hip, (hip[0] + 45, hip[1] + 6, hip[2] - 40), 14.0),
        rod((hip[0] + 45, hip[1] + 6, hip[2] - 36), (hip[0] + 35, hip[1], hip[2] - 200), 15.0),
    )


def _pelvis(deep: float, spine_y: float, hip: Vector) -> tuple[Sweep, ...]:
    """Ilium, pubis, ischium and sacrum."""
    turn = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
    return (
        Sweep((55, spine_y + 8, -95), (95.0, -0.1 * deep, -85), (6, 30, 32), (6, 26, 24), turn),
        Sweep((75, 12.0, -120), (hip[0] - 6, hip[1] + 6, -160), (10, 18, 14), (26, 26, 26)),
        rod((hip[0] - 14, hip[1] - 20, -165), (4.0, -0.35 * deep, -180), 9.0),
        rod((hip[0] - 20, hip[1] + 20, -185), (hip[0] - 25, hip[1] + 10, -215), 12.0),
        Sweep((0.0, spine_y + 10, -125), (0.0, spine_y + 40, -190), (48, 14, 16), (12, 8, 10)),
    )


def _rib(wide: float, deep: float, z: float) -> tuple[Sweep, ...]:
    """One rib from the spine round to the front, sloping down."""
    angle = np.radians(np.arange(-80.0, 61.0, 14.0))
    points = [
        (
            float((wide - 18) * np.cos(a)),
            float(-(deep - 18) * np.sin(a)),
            float(z - 22 * (a + 1.4)),
        )
        for a in angle
    ]
    return tuple(Sweep(a, b, (3.5, 3.5, 6.5), (3.5, 3.5, 6.5)) for a, b in pairwise(points))
