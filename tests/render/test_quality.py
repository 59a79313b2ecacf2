from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from negvol_cli.render.quality import checks
from negvol_cli.report import EdgeReport, ScanReport
from negvol_cli.steps.flags import Flag, FlagKind
from negvol_cli.steps.joint_basis import JointBasis
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.joint_view import JointView
from negvol_cli.steps.self_check import metal_flags
from negvol_cli.structures import Side

MakeView = Callable[..., JointView]


def lines(report: ScanReport, views: dict[Side, JointView]):
    return {check.name: (check.right, check.left) for check in checks(report, views)}


def test_metal_is_measured_where_it_is_denser_than_any_bone(
    report: ScanReport, make_view: MakeView
):
    views = {side: make_view(side, "superior") for side in Side}
    views[Side.RIGHT].hu_zyx[:2, :3, :4] = 3071
    right, left = lines(report, views)["Metal near the joint"]

    assert (right.text, right.good) == ("24 mm³ above 3000 HU", False)
    assert left.good is True


def test_a_few_bright_voxels_are_no_metal():
    hu = np.full((20, 20, 20), 100.0, dtype=np.float32)
    hu[0, 0, :4] = 3071

    assert metal_flags(hu, 1.0) == ()
    hu[0, 1, :] = 3071
    (flag,) = metal_flags(hu, 1.0)
    assert flag == Flag(FlagKind.METAL, "metal near the joint: 24 mm³ above 3000 HU", 24.0)


def test_metal_that_a_corrected_result_no_longer_shows_stays_said(
    report: ScanReport, make_view: MakeView
):
    view = make_view(Side.LEFT, "superior")
    frame = view.geometry.frame
    nothing = np.zeros(frame.local_grid.shape_zyx, dtype=np.float32)
    images = JointImages(frame, view.hu_zyx, nothing, nothing, nothing == 0)
    flags = (Flag(FlagKind.METAL, "worded in any way", 31.4),)
    basis = JointBasis(network=images, measured=images, found=None, flags=flags)

    _, left = lines(report, {Side.LEFT: replace(view, basis=basis)})["Metal near the joint"]

    assert (left.text, left.good) == ("31 mm³ above 3000 HU", False)


def test_labels_alone_say_nothing_of_metal(report: ScanReport, make_view: MakeView):
    right, _ = lines(report, {Side.RIGHT: make_view(Side.RIGHT)})["Metal near the joint"]

    assert (right.text, right.good) == ("no CT: measured from labels", None)


def test_what_the_scan_does_not_show_is_a_caution(report: ScanReport, make_view: MakeView):
    view = make_view(Side.LEFT, "superior")
    cut = replace(view, geometry=replace(view.geometry, unseen_fraction=0.1))
    left = replace(report.left, nv_mm3=None)
    found = lines(replace(report, left=left), {Side.LEFT: cut})["Field of view"][1]

    assert (found.text, found.good) == ("10 % of the measurement sphere not scanned", False)


def test_mesh_and_voxels_that_disagree_are_a_caution(report: ScanReport):
    right = replace(report.right, nv_mm3=1000.0, nv_voxel_mm3=1030.0, watertight=False)
    found = lines(replace(report, right=right), {})

    assert found["NV by mesh against voxels"][0].good is False
    assert found["Surfaces"][0].text == "not closed"


def test_what_the_scanner_did_and_how_thin_the_roof_is_stand_in_words(report: ScanReport) -> None:
    found = EdgeReport(
        blur_mm_xyz=(0.41, 0.42, 0.7),
        noise_hu=12.4,
        tissue_hu=40.0,
        cortex_hu=1500.0,
        explained=0.97,
        roof_mm=0.62,
    )
    right = replace(report.right, edges=found)
    left = replace(report.left, edges=replace(found, roof_mm=None, overshoot=0.613))

    rows = {row.name: row for row in checks(replace(report, right=right, left=left), {})}

    assert rows["Scanner at the joint"].right.text == "blur 0.41 x 0.42 x 0.70 mm, noise 12 HU"
    sharpened = "blur 0.41 x 0.42 x 0.70 mm, noise 12 HU, sharpened by 61 %"
    assert rows["Scanner at the joint"].left.text == sharpened
    assert rows["Roof of the fossa"].right.text == "0.6 mm at its thinnest"
    assert rows["Roof of the fossa"].left.text == "over 2.5 mm"
    assert rows["Edges of bone explained"].right.text.startswith("97")
