"""A folder of small phantom heads, and a Dask cluster on this machine alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import SimpleITK as sitk

from negvol_cli.geometry.align import to_sitk
from negvol_cli.phantom import draw_head
from tests.pipeline.heads import QUIET, grid_about

HEADS = 3


@pytest.fixture(scope="session")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three phantom heads with both joints in view, in coarse voxels, so that they are drawn soon.

    The first two lie in one folder, the third in another.
    """
    folder = tmp_path_factory.mktemp("heads")
    (folder / "ward").mkdir()
    for number in range(HEADS):
        head = draw_head(number, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
        ct = head.scan(grid_about(head, (150, 130, 90), 2.0), QUIET, number)
        place = folder / ("ward" if number == HEADS - 1 else "") / f"head{number}.nii.gz"
        sitk.WriteImage(to_sitk(ct), str(place))
    return folder
