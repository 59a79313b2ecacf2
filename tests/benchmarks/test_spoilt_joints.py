from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.spoiling import SPOILING, coronoid, hollow, with_gas
from benchmarks.spoilt_joints import margins, row_of, tables, verdict
from negvol_cli.geometry.grid import Volume
from negvol_cli.report import Check, JointReport, Status
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.reconstruct import without_hollows
from negvol_cli.structures import Side
from tests.steps.made_joints import LEFT, RIGHT, ball, frame_points, socket, soft


@pytest.fixture(scope="module")
def images() -> JointImages:
    """A ball on a ramus with a coronoid process in front, under a socket."""
    x, y, z = np.moveaxis(frame_points(), -1, 0)
    ramus = soft(np.minimum(np.minimum(4.0 - np.abs(x), 24.0 - np.abs(y + 12.0)), -z - 14.0))
    process = soft(np.minimum(np.minimum(4.0 - np.abs(x), 4.0 - np.abs(y + 22.0)), -z))
    neck = soft(np.minimum(3.5 - np.hypot(x, y), -z))
    condyle = np.max([ball(6.0), neck, process, ramus], axis=0)
    bone = np.minimum(socket(8.5, 12.0), 1.0 - condyle)
    hu = (40.0 + 1000.0 * np.maximum(condyle, bone)).astype(np.float32)
    return JointImages(LEFT, hu, condyle, bone, np.ones(condyle.shape, dtype=bool))


@pytest.mark.parametrize("kind", SPOILING)
def test_what_is_spoilt_differs_and_no_voxel_is_two_bones(images, kind):
    spoilt = SPOILING[kind](images)

    assert spoilt is not None
    assert ((spoilt.condyle_p >= 0.5) != (images.condyle_p >= 0.5)).any() or (
        (spoilt.bone_p >= 0.5) != (images.bone_p >= 0.5)
    ).any()
    assert not ((spoilt.condyle_p > 0.5) & (spoilt.bone_p > 0.5)).any()


@pytest.mark.parametrize("frame", [LEFT, RIGHT])
def test_gas_lies_below_the_roof_in_the_joint_and_in_its_scan(images, frame):
    hu = images.hu_zyx + 10.0 * frame_points()[..., 0].astype(np.float32)  # no mirror image
    joint = replace(images, frame=frame, hu_zyx=hu)
    ct = Volume(np.ascontiguousarray(frame.mirror(hu)), frame.grid)
    spoilt, scan = with_gas(joint, ct)
    gas = spoilt.hu_zyx < -900.0
    away = np.linalg.norm(frame_points()[gas], axis=-1)

    assert np.array_equal(gas, spoilt.hu_zyx != hu)
    assert 20.0 < gas.sum() * 0.125 < 100.0
    assert 6.5 < away.min() < away.max() < 8.5
    assert not (gas & ((images.condyle_p >= 0.5) | (images.bone_p >= 0.5))).any()
    assert np.array_equal(spoilt.bone_p, images.bone_p)
    assert np.allclose(frame.mirror(scan.values_zyx), spoilt.hu_zyx, atol=1.0)


def test_the_coronoid_lies_where_the_condyle_would_with_the_scan_about_it(images):
    spoilt = coronoid(images)
    top = frame_points()[spoilt.condyle_p >= 0.5][:, 2].max()

    assert spoilt.frame.centre_mm_xyz[1] == pytest.approx(LEFT.centre_mm_xyz[1] - 22.0, abs=4.0)
    assert top == pytest.approx(6.0, abs=0.6)
    assert np.median(spoilt.hu_zyx[spoilt.condyle_p >= 0.5]) > 500


def test_without_a_coronoid_in_view_none_can_be_taken_for_the_condyle(images):
    y = frame_points()[..., 1]
    bare = replace(images, condyle_p=np.where(y < -10, np.float32(0.0), images.condyle_p))

    assert coronoid(bare) is None


def test_a_slit_in_hollow_marrow_is_mended(images):
    mended = without_hollows(hollow(images).condyle_p, 0.5) >= 0.5
    head = np.linalg.norm(frame_points(), axis=-1) < 5.0

    assert mended[head].mean() > 0.9


def row(kind="", error="", nv=5000.0, head=1000.0, **figures):
    known = {"roof_share": 1.0, "hollow_mm3": 0.0}
    return {
        "group": "real CT",
        "kind": kind,
        "error": error,
        "figures": known | figures,
        "nv_mm3": nv,
        "head_mm3": head,
    }


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (row(roof_share=0.0, nv=None, head=None), "said"),
        (row(error="NoCondyleError: none"), "said"),
        (row(nv=5200.0), "right"),
        (row(nv=5300.0), "silent"),
        (row(head=1200.0), "silent"),
        (row(nv=None), "silent"),
    ],
)
def test_a_spoilt_joint_is_said_right_or_silent(spoilt, said):
    assert verdict(spoilt, row()) == said


def test_the_tables_count_false_alarms_and_misses():
    rows = {
        "a": row(),
        "b": row(roof_share=0.1),
        "a: leak": row("leak", nv=6000.0),
        "a: roof": row("roof", roof_share=0.0),
        "b: leak": row("leak"),  # was no good joint before
    }
    first, second, _ = tables(rows).split("\n\n")

    assert first.splitlines()[2:] == ["| real CT | 2 | 1 | 1 | `roof_share` 1 |"]
    assert second.splitlines()[2:] == [
        "| leak | 1 | 0 | 0 | 1 |  |",
        "| roof | 1 | 1 | 0 | 0 | `roof_share` 1 |",
    ]


def test_a_report_becomes_plain_values_and_an_error_its_words():
    check = Check(name="roof_share", value=0.9, least=0.5, most=None, passed=True)
    joint = JointReport(
        side=Side.LEFT, status=Status.OK, nv_mm3=5.0, head_volume_mm3=2.0, checks=(check,)
    )

    assert row_of("g", "", joint)["figures"] == {"roof_share": 0.9}
    assert (row_of("g", "", joint)["nv_mm3"], row_of("g", "", joint)["head_mm3"]) == (5.0, 2.0)
    assert row_of("g", "k", "ValueError: no")["error"] == "ValueError: no"


def test_a_check_s_margins_are_the_nearest_good_joint_and_the_mildest_that_it_found():
    rows = {
        "a": row(hollow_mm3=3.0),
        "b": row(hollow_mm3=6.0, roof_share=0.9),
        "a: hollow": row("hollow", hollow_mm3=120.0),
        "b: hollow": row("hollow", hollow_mm3=300.0, roof_share=0.1),
    }
    lines = {line["check"]: line for line in margins(rows)}

    assert lines["`hollow_mm3`"] == {
        "check": "`hollow_mm3`",
        "limit": "at most 15",
        "nearest good joint": "6",
        "mildest found": "120",
        "found": 2,
        "found alone": 1,
    }
    assert lines["`roof_share`"]["nearest good joint"] == "0.9"
    assert lines["`roof_share`"]["mildest found"] == "0.1"
