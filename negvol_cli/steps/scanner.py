"""What the scanner did, read off the scan itself: blur, noise, and the HU of air, tissue and bone.

A header names a kernel and a slice thickness; what they did is in the voxels. Where air meets
tissue (skin, ear canal, airway, air cells) the true edge is sharp, so what width is seen there is
the scanner's. Each such edge is fitted as air, a layer (skin, or a wall of bone) and what lies
behind, with the width of the blur sought as well. A real edge can only be blurrier than the
scanner, so the widths are summed up by a low quantile of a model with one width for each axis of
the scan: an edge with unit normal n shows the variance sum of (n_i s_i)². Slices that overlap are
recognised that way: four-millimetre slabs show 1.15 mm across slices, however close they lie.
Across coarse slices edges alone cannot tell how wide the slices' profile is; there the noise that
neighbouring slices share is asked as well (``shared_noise``), and where slices overlap by far it
tells their profile (``slab_profile``).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.blocks import pooled
from negvol_cli.geometry.grid import Points, Vector, Volume, vector
from negvol_cli.io.ct_checks import COARSE_MM
from negvol_cli.steps.air_edges import edge_widths
from negvol_cli.steps.field_of_view import FieldWall
from negvol_cli.steps.flags import Flag, FlagKind
from negvol_cli.steps.noise import commonest, read_noise
from negvol_cli.steps.shared_noise import shared_noise, width_of
from negvol_cli.steps.slab_profile import slab_profile
from negvol_cli.structures import AIR_HU

Floats = npt.NDArray[np.float64]

TISSUE_HU: Final = 40.0
"""Muscle, skin and what is like them."""
FEWEST_EDGES: Final = 40
"""Fewer say nothing: the widths of the voxels themselves are taken, and said to be."""
ENOUGH_EDGES: Final = 150
"""About one joint: with fewer, those of the whole scan say more. In noise each says less, its
variance being the greater: at ``NOISY_HU`` it takes twice as many."""
TISSUE_REACH_HU: Final = 120.0
LEAST_TISSUE: Final = 0.05
"""About a joint soft tissue is the commonest intensity so near that of the whole scan (fat, 130 HU
below muscle, is not), where that is a twentieth of what is seen."""
QUANTILE: Final = 0.4
"""With it the blur of phantoms, and of real scans blurred on purpose, comes back best."""
NOISY_QUANTILE: Final = 0.5
"""In noise it scatters the widths to either side, and a low quantile of them would be too low:
three real heads in cone-beam machines read 0.57 to 1.03 of their blur with 0.4, 0.66 to 1.16 with
this."""
QUANTILE_ROUNDS: Final = 40
"""Of reweighting; half as many give the same."""
EXPECTATION: Final = 1.25
"""What the expected width of an axis counts, in edges across it of a like certainty."""
NOISY_HU: Final = 50.0
POOLED_MM: Final = 0.6
"""With more noise fine voxels are averaged to about so many mm, and what that adds to the blur is
taken off again. In a cone-beam machine with noise of 250 HU whose blur is 0.2 mm, 0.4 to 0.9 mm was
read without, 0.3 to 0.6 mm with it; noise of 150 HU costs 0.05 mm either way."""
FINE_MM: Final = 1.1
SLOPE_PER_MM: Final = 0.35
CLEAR: Final = 1.6
"""Across voxels coarser than the first, edges read too wide, by up to so much a mm: 9 % at 1.4 mm,
33 % at 2.1 mm, 57 % at 2.8 mm, on phantoms and on real heads binned. What reads no wider than that
is slices that touch; what is wider by ``CLEAR`` times as much is slabs that overlap (4 mm every
2 mm read 64 to 82 % wider than slices of 2 mm). So it is where slices share no noise."""
CHANCE: Final = 0.05
BELL: Final = 0.25
NOISE_COUNTS: Final = 0.7
"""Slices that share a quarter of their noise or more are bells or slabs: edges read 0 to 40 % too
wide there. The width that noise tells is the better of the two, and counts so much of the logarithm
of both; of slices that share less, in proportion less, down to what is shared by chance. Chosen
about the joints of four real heads with bells, boxes and slabs of 1.9 to 4 mm (fullhead,
sharp-base, cranium, visible-male: the root mean square of the logarithm of read over true is 0.05,
without noise 0.19, and all 36 readings are within 15 %, not 22), judged about those of three others
(medimodel, cthead, visible-female: 0.06 and 0.15, and 30 of 32, not 21; ``benchmarks.slice_blur``).
"""
ACROSS: Final = 1.3
"""Slices are what is so much farther apart than the finest voxels are. In the plane, noise is no
measure: kernels for bone make it alternate."""
SLAB_MM: Final = 2.3
"""2 mm, and the 15 % to which a blur is read."""
BELL_AS_BOX: Final = 1.47
"""A bell blurs as a box does that is so much wider than the bell is at half its height."""
BRIGHTEST_HU: Final = 2000.0
LEAST_CUT: Final = 15
BELOW_CUT_HU: Final = 50.0
"""Bone is no brighter than the first. Where the scan's intensities end below it, cut off at export,
more voxels have the highest value than lie in the 50 HU below it, as ``io.ct_checks`` sees in a
whole scan; uncut, one to four do."""
RING_MM: Final = 0.8
"""The standard deviation by which a sharpening kernel's ring is wider than its blur: that of the
kernel that ``benchmarks.scan_changes`` sharpens with. Kernels with rings of 0.5 and 1.2 mm are
explained nearly as well (``benchmarks.kernels``)."""
BOX_SD: Final = float(1.0 / np.sqrt(12.0))
"""The standard deviation of a box, in its widths: the least blur that a voxel has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """How a scanner saw.

    ``blur_mm_xyz`` are standard deviations of the Gaussian that blurs as the scanner does, its
    voxels included, along the scan's own axes. ``edges`` is the number of edges behind them; 0
    where there were too few, and the blur is that of the voxels alone, the least there can be.
    ``noise_hu`` is the standard deviation of a voxel in even tissue. ``cut_hu`` is where bone was
    cut off when the scan was exported: a voxel there was that bright or brighter. None: nowhere.
    Along the axis that is blurred most, ``slab_mm`` of the blur is a box; 0: it is all Gaussian.
    """

    blur_mm_xyz: Vector
    air_hu: float
    tissue_hu: float
    noise_hu: float
    edges: int
    cut_hu: float | None = None
    slab_mm: float = 0.0

    @property
    def gain(self) -> float:
        """Intensity units per HU: the step from air to soft tissue, relative to that in HU."""
        return _gain(self.air_hu, self.tissue_hu)

    def width_along(self, normals: Points) -> Floats:
        """(V,): the blur along unit ``normals`` (V, 3) in the scan's axes, mm."""
        return np.asarray(np.sqrt((normals**2) @ np.square(self.blur_mm_xyz)))

    def half_along(self, normals: Points) -> Floats | None:
        """(V,): half the length of the slabs' box along unit ``normals`` (V, 3), mm; None: no box.

        Its variance, a third of the square, is part of that of ``width_along``.
        """
        if not self.slab_mm:
            return None
        return np.asarray(0.5 * self.slab_mm * np.abs(normals[:, np.argmax(self.blur_mm_xyz)]))

    def ring_along(self, normals: Points) -> Floats:
        """(V,): how much wider the ring of a kernel that sharpens is along ``normals`` (V, 3), mm.

        A standard deviation. Kernels sharpen in the plane of the slices; where no axis is blurred
        more than the others, in all three.
        """
        blur = np.array(self.blur_mm_xyz)
        axis = int(np.argmax(blur))
        if blur[axis] < ACROSS * np.median(blur):
            return np.full(len(normals), RING_MM)
        return np.asarray(RING_MM * np.sqrt(np.clip(1.0 - normals[:, axis] ** 2, 0.0, 1.0)))


class WholeScanner:
    """How the scanner of a whole CT saw, of which ``air_hu`` and ``tissue_hu`` are known.

    So is the ``wall`` of its field of view, where it has one.

    The rest takes a third of a second on a head and is read when it is first asked for: most joints
    show enough edges of their own.
    """

    def __init__(
        self, volume: Volume, *, air_hu: float, tissue_hu: float, wall: FieldWall | None = None
    ) -> None:
        self._volume = volume
        self.wall = wall
        self._alone = threading.Lock()  # both joints may ask at once
        self._read: Scanner | None = None
        self.air_hu = air_hu
        self.tissue_hu = tissue_hu

    @property
    def gain(self) -> float:
        """As ``Scanner.gain``."""
        return _gain(self.air_hu, self.tissue_hu)

    @property
    def scanner(self) -> Scanner:
        """All of it."""
        with self._alone:
            if self._read is None:
                self._read = read_scanner(
                    self._volume, air_hu=self.air_hu, tissue_hu=self.tissue_hu, wall=self.wall
                )
            return self._read


def _gain(air_hu: float, tissue_hu: float) -> float:
    return (tissue_hu - air_hu) / (TISSUE_HU - AIR_HU)


def read_scanner(
    volume: Volume,
    *,
    air_hu: float,
    tissue_hu: float,
    wall: FieldWall | None = None,
    seed: int = 0,
) -> Scanner:
    """The scanner of a CT, or of the part of one that is given.

    ``air_hu`` and ``tissue_hu`` are about where air and soft tissue lie (``calibrate_hu``).
    At the ``wall`` of the field of view nothing is read. ``seed`` chooses which edges are looked at
    where there are more than enough.
    """
    noise_hu = read_noise(volume, tissue_hu)
    spacing = np.array(volume.grid.spacing_mm_xyz)
    seen, quantile = volume, QUANTILE
    if noise_hu > NOISY_HU * _gain(air_hu, tissue_hu):
        quantile = NOISY_QUANTILE
        many = np.maximum(1, np.rint(POOLED_MM / spacing)).astype(int)
        seen = pooled(volume, (int(many[0]), int(many[1]), int(many[2])))
    left_hu = noise_hu if seen is volume else read_noise(seen, tissue_hu)
    rng = np.random.default_rng(seed)
    widths, normals = edge_widths(seen, air_hu, tissue_hu, left_hu, rng, wall)
    enough = len(widths) >= FEWEST_EDGES
    blur = spacing * BOX_SD
    if enough:
        wider = np.array(seen.grid.spacing_mm_xyz)
        read, touching = _axis_widths(widths, normals, wider, quantile)
        shared = _shared_noise(volume, tissue_hu, rng)
        read = _less_coarseness(read, touching, wider, shared)
        square = read**2 + (spacing * BOX_SD) ** 2
        blur = np.sqrt(np.maximum(square - (wider * BOX_SD) ** 2, (spacing * BOX_SD) ** 2))
    slab_mm = 0.0
    thick = _thicker(blur, spacing) if enough else None
    if thick is not None:
        axis, about_mm = thick
        finest = float(blur.min())
        told = slab_profile(volume, axis, tissue_hu, rng, about_mm=about_mm, least_bell_mm=finest)
        if told is not None:
            slab_mm, blur[axis] = told.box_mm, told.sd_mm
    return Scanner(
        blur_mm_xyz=vector(blur),
        air_hu=air_hu,
        tissue_hu=tissue_hu,
        noise_hu=noise_hu,
        edges=len(widths) if enough else 0,
        slab_mm=slab_mm,
    )


def _thicker(blur_mm: Floats, spacing_mm: Floats) -> tuple[int, float] | None:
    """The axis across which slices are thicker than they are apart, and how thick, mm.

    The blur across slices beyond that of the finest axis is a box of the slices' thickness; bells
    that touch at half their height are not thicker than they are apart. None: no axis.
    """
    variance = np.square(blur_mm)
    axis = int(np.argmax(variance))
    thick_mm = float(np.sqrt(variance[axis] - variance.min()) / BOX_SD)
    return (axis, thick_mm) if thick_mm > max(SLAB_MM, BELL_AS_BOX * spacing_mm[axis]) else None


def slab_flags(scanner: Scanner, spacing_mm_xyz: Vector) -> tuple[Flag, ...]:
    """A flag where slices are thicker than they are apart: spacing is not resolution.

    Where voxels themselves are over 2 mm, ``io.ct_checks`` says so.
    """
    spacing_mm = np.array(spacing_mm_xyz)
    thick = _thicker(np.array(scanner.blur_mm_xyz), spacing_mm) if scanner.edges else None
    if thick is None or spacing_mm[thick[0]] > COARSE_MM:
        return ()
    axis, thick_mm = thick
    text = (
        f"slices are about {thick_mm:.1f} mm thick, though {spacing_mm[axis]:.1f} mm apart: "
        "figures are rough"
    )
    return (Flag(FlagKind.THICK_SLICES, text, thick_mm),)


def read_scanner_about(part: Volume, whole: Scanner | WholeScanner) -> Scanner:
    """The scanner as it shows about one joint: in ``part`` of the scan, of which ``whole`` is told.

    Blur and noise differ over a scan, and so does scatter. What ``part`` shows too little of is
    that of the whole.
    """
    wall = whole.wall if isinstance(whole, WholeScanner) else None
    here = read_scanner(part, air_hu=whole.air_hu, tissue_hu=whole.tissue_hu, wall=wall)
    near = np.abs(part.values_zyx - whole.tissue_hu) < TISSUE_REACH_HU * whole.gain
    tissue = commonest(part.values_zyx[near]) if near.mean() > LEAST_TISSUE else whole.tissue_hu
    here = replace(here, tissue_hu=tissue, cut_hu=_cut_hu(part.values_zyx, here))
    enough = ENOUGH_EDGES * (1.0 + (here.noise_hu / (NOISY_HU * here.gain)) ** 2)
    if here.edges >= enough and here.noise_hu:
        return here
    known = whole.scanner if isinstance(whole, WholeScanner) else whole
    if here.edges < enough:
        blur, slab_mm = known.blur_mm_xyz, known.slab_mm
        here = replace(here, blur_mm_xyz=blur, slab_mm=slab_mm, edges=known.edges)
    return replace(here, noise_hu=here.noise_hu or known.noise_hu)


def _cut_hu(values: npt.NDArray[Any], scanner: Scanner) -> float | None:
    """Where the brightest voxels of bone were cut off at export; None where none were."""
    top = float(values.max())
    if top >= scanner.tissue_hu + BRIGHTEST_HU * scanner.gain:
        return None
    at = int(np.count_nonzero(values == top))
    below = int(np.count_nonzero(values >= top - BELOW_CUT_HU * scanner.gain)) - at
    return top if LEAST_CUT <= below <= at else None


def _shared_noise(volume: Volume, tissue_hu: float, rng: np.random.Generator) -> Floats:
    """(3,): how much noise slices across each axis share; 0 too where it cannot be told."""
    spacing, shared = np.array(volume.grid.spacing_mm_xyz), np.zeros(3)
    for axis in np.flatnonzero(spacing > max(FINE_MM, ACROSS * spacing.min())):
        shared[axis] = shared_noise(volume, int(axis), tissue_hu, rng) or 0.0
    return shared


def _axis_widths(
    widths: Floats, normals: Points, spacing: Floats, quantile: float
) -> tuple[Floats, Floats]:
    """(3,): the widths along the axes whose model has a share ``quantile`` of ``widths`` below.

    And (3,) how wide they would be with slices that touch. Quantile regression of their logarithms
    by reweighted least squares. Where no edge says anything about an axis, its blur is that of the
    finer two less their voxels and plus its own.
    """
    squares, box = normals**2, (spacing * BOX_SD) ** 2
    seen, log = np.log(widths), np.full(3, 2.0 * np.log(np.median(widths)))
    finest = np.argsort(spacing)[:2]
    for _ in range(QUANTILE_ROUNDS):
        variance = squares @ np.exp(log)
        left = seen - 0.5 * np.log(variance)
        weight = np.where(left > 0, quantile, 1.0 - quantile) / np.maximum(np.abs(left), 0.02)
        slope = 0.5 * squares * np.exp(log) / variance[:, None]
        kernel = max(float(np.mean(np.exp(log[finest]) - box[finest])), 0.0)
        expected = np.log(box + kernel + 1e-6)
        square = slope.T @ (slope * weight[:, None]) + np.eye(3) * EXPECTATION
        pull = slope.T @ (weight * left) + EXPECTATION * (expected - log)
        log = log + np.linalg.solve(square, pull)
    return np.sqrt(np.maximum(np.exp(log), box)), np.sqrt(box + kernel)


def _less_coarseness(seen: Floats, touching: Floats, spacing: Floats, shared: Floats) -> Floats:
    """(3,): the widths ``seen`` less what coarse voxels add, and what noise says of them.

    ``touching`` (3,) is how wide they are where slices do not overlap, ``shared`` (3,) how much
    noise slices share.
    """
    found = seen.copy()
    for axis in np.flatnonzero(spacing > FINE_MM):
        overlap = float(np.clip((shared[axis] - CHANCE) / (BELL - CHANCE), 0.0, 1.0))
        wider = 1.0 + SLOPE_PER_MM * (spacing[axis] - FINE_MM) * (1.0 - overlap)
        clear = 1.0 + CLEAR * (wider - 1.0)
        ratio = seen[axis] / touching[axis]
        if 1.0 < ratio < clear:
            found[axis] = touching[axis] * np.interp(ratio, (wider, clear), (1.0, clear))
        if overlap:
            told = width_of(shared[axis]) * spacing[axis]
            found[axis] *= (told / found[axis]) ** (NOISE_COUNTS * overlap)
    return found
