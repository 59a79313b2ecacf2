"""What must hold on the reference labels of real joints."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.reference_joints import measure, read_joint
from negvol_cli.geometry.grid import crop
from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import iso_surface, smooth_labels
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import ClipSettings, InflationSettings
from negvol_cli.steps.inflate import inflate
from negvol_cli.steps.landmarks import Clip
from negvol_cli.steps.reconstruct import without_specks
from negvol_cli.structures import Label, Side
from tests.steps.made_joints import frame_points, measured
from tests.steps.solids import turn

CASES = (
    "fullhead",
    "cthead",
    "cranium",
    "visible-male",
    "visible-female",
    "medimodel",
    "sharp-base",
)


@pytest.fixture(scope="module")
def joint_file(shared_data):
    def find(case: str, side: Side):
        path = shared_data / "tmj" / case / f"{side}.nii.gz"
        if not path.exists():
            pytest.skip(f"the reference labels {case}/{side} are not here")
        return path

    return find


@pytest.fixture(scope="module")
def probabilities(joint_file):
    def read(case: str, side: Side):
        labels, frame = read_joint(joint_file(case, side), side)
        condyle, bone = (
            smooth_labels(labels == label, frame.spacing_mm)
            for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
        )
        return condyle, bone, frame

    return read


@pytest.fixture(scope="module")
def reference(joint_file):
    @cache
    def find(case: str, side: Side):
        joint, _ = measure(joint_file(case, side), side)
        return joint

    return find


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("case", CASES)
def test_mesh_and_voxels_agree_within_2_per_cent(reference, case, side):
    joint = reference(case, side)

    assert joint.nv_mm3 == pytest.approx(joint.nv_voxel_mm3, rel=0.02)
    short = case == "sharp-base"  # its field of view ends 11 to 13 mm below the heads' centres
    assert joint.axis.own is not short
    assert joint.flags == joint.axis.doubts
    assert joint.watertight
    assert joint.inflated.is_watertight
    assert 0 < joint.articular_nv_mm3 < joint.nv_mm3


@pytest.mark.parametrize("degrees", [15.0, -15.0])
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_turning_a_joint_by_15_degrees_with_its_clip_keeps_its_negative_volume(
    probabilities, reference, backend, axis, degrees
):
    """The figure belongs to the joint, not to the grid that it was computed on."""
    condyle, bone, frame = probabilities("visible-male", Side.LEFT)
    upright = reference("visible-male", Side.LEFT)
    rotation = turn(axis, degrees)
    x, y, z = rotation @ upright.head_centre_mm
    clip = Clip((x, y, z), ClipSettings())
    mc, tb = (_turned_mesh(p, rotation, frame, backend, clip) for p in (condyle, bone))

    tilted = inflate(mc, tb, clip, InflationSettings())

    assert tilted.nv_mm3 == pytest.approx(upright.nv_mm3, rel=0.005)
    assert tilted.articular_nv_mm3 == pytest.approx(upright.articular_nv_mm3, rel=0.02)


def test_the_side_is_all_that_a_mirrored_joint_changes(probabilities, reference, backend):
    condyle, bone, frame = probabilities("sharp-base", Side.RIGHT)
    one = reference("sharp-base", Side.RIGHT)

    two = measured(condyle, bone, backend, frame=replace(frame, side=Side.LEFT))

    assert one.nv_mm3 == two.nv_mm3
    assert one.articular_nv_mm3 == two.articular_nv_mm3
    assert one.joint_space == two.joint_space


@pytest.mark.parametrize("case", ["sharp-base", "fullhead"])
def test_both_mesh_backends_give_the_same_negative_volume(probabilities, reference, case):
    condyle, bone, frame = probabilities(case, Side.LEFT)
    usual = load_backend()
    if usual.name != "pymeshlab":
        pytest.skip(usual.why)
    one = reference(case, Side.LEFT)

    two = measured(condyle, bone, load_backend("trimesh"), frame=frame)

    assert two.watertight
    assert two.nv_mm3 == pytest.approx(one.nv_mm3, rel=0.01)


def test_the_inflated_condyle_counts_no_space_twice(reference):
    """Without bone to stop it, it is the whole clip, hollow neck and notch and all."""
    joint = reference("fullhead", Side.LEFT)
    clip = Clip(joint.head_centre_mm, ClipSettings())

    free = inflate(joint.condyle, Mesh.empty(), clip, InflationSettings())

    assert free.inflated.volume_mm3 == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.002)


@pytest.mark.parametrize("case", ["fullhead", "cranium", "cthead"])
def test_the_inflated_condyle_does_not_cut_through_itself(reference, case):
    pymeshlab = pytest.importorskip("pymeshlab", exc_type=ImportError)
    joint = reference(case, Side.LEFT)
    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(joint.inflated.points_mm, joint.inflated.triangles))

    meshes.compute_selection_by_self_intersections_per_face()

    assert meshes.current_mesh().selected_face_number() == 0


def test_a_label_map_without_a_centre_gives_what_one_with_it_gives(
    probabilities, reference, backend
):
    condyle, bone, frame = probabilities("fullhead", Side.RIGHT)
    located = reference("fullhead", Side.RIGHT)

    found = measured(condyle, bone, backend, frame=frame, centre_mm=None)

    assert found.apex_mm == pytest.approx(located.apex_mm, abs=1e-9)
    assert found.nv_mm3 == located.nv_mm3


def _turned_mesh(probability, rotation, frame, backend, clip):
    """The surface of a probability [z, y, x] turned about the frame's centre, near the clip."""
    source = frame_points(frame) @ rotation
    index = np.moveaxis(frame.local_grid.to_index(source), -1, 0)[::-1]
    turned = ndimage.map_coordinates(probability, index, order=1).astype(np.float32)
    near, grid = crop(without_specks(turned, 0.125), frame.local_grid, clip.centre_mm, 23.0)
    return backend.refine(iso_surface(near, grid, 0.5), 0.7)
