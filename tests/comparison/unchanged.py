"""A joint in which nothing changed, as ``negvol compare`` finds it."""

from __future__ import annotations

from negvol_cli.comparison.report import Movement, Remodelling

STILL = Movement(
    shift_mm_xyz=(0.02, 0.0, 0.0),
    shift_half_95_mm_xyz=(0.2, 0.2, 0.2),
    distance_mm=0.02,
    distance_half_95_mm=0.2,
    turn_degrees_xyz=(0.0, 0.1, 0.0),
    turn_half_95_degrees_xyz=(0.4, 0.4, 0.4),
    angle_degrees=0.1,
    angle_half_95_degrees=0.4,
    moved=False,
    turned=False,
)
SAME = Remodelling(
    lost_mm=0.1,
    gained_mm=0.2,
    scanner_offset_mm=0.0,
    extreme_half_95_mm=0.3,
    superior_mm=0.0,
    anterior_mm=0.0,
    posterior_mm=0.0,
    medial_mm=0.0,
    lateral_mm=0.0,
    half_95_mm=0.2,
    lost=False,
    gained=False,
)
