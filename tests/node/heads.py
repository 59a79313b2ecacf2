"""Phantom heads as studies: with straight slices, under a tilted gantry, and unevenly spaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from negvol_cli.phantom import draw_head
from tests.io.dicom.made_dicom import ROOT, image, save
from tests.pipeline.heads import QUIET, grid_about

SPACING_MM = 1.25
TILT_DEGREES = 15.0
KINDS = ("straight", "tilted", "uneven")


def write_studies(folder: Path) -> dict[str, Path]:
    """A folder of DICOM files for each kind, all of one head."""
    head = draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    whole = head.scan(grid_about(head, spacing_mm=SPACING_MM, size_mm=(180, 190, 180)), QUIET, 1)
    grid = whole.grid
    height, width = whole.values_zyx.shape[1:]
    corner, depth = np.array(grid.origin_mm_xyz), len(whole.values_zyx)
    row, level = np.array((1.0, 0, 0)), np.array((0, 1.0, 0))
    angle = np.radians(TILT_DEGREES)
    leaning = np.array((0, np.cos(angle), np.sin(angle)))
    even = np.arange(20, depth - 20) * SPACING_MM
    third = np.array([z for n, z in enumerate(even) if n % 3])
    made = {}
    for number, (kind, column, places) in enumerate(
        (("straight", level, even), ("tilted", leaning, even - 25.0), ("uneven", level, third))
    ):
        images = []
        for count, place in enumerate(places):
            first = corner + np.array((0, 0, place))
            y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
            points = first + SPACING_MM * (x[..., None] * row + y[..., None] * column)
            index = np.rint(grid.to_index(points)).astype(int)
            inside = ((index >= 0) & (index < grid.size_xyz)).all(axis=-1)
            index = np.where(inside[..., None], index, 0)
            hu = np.where(inside, whole.values_zyx[tuple(index[..., ::-1].T)].T, -1000)
            images.append(
                image(
                    np.rint(hu).astype(np.int16),
                    first,
                    count,
                    axes=(*row, *column),
                    PixelSpacing=[SPACING_MM] * 2,
                    series=f"{ROOT}.5.{number}",
                    study=f"{ROOT}.6.{number}",
                )
            )
        made[kind] = save(images, folder / kind)
    return made
