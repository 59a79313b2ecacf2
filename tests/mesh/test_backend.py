from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.threads import at_once
from tests.steps.made_joints import LEFT, ball, measured, socket
from tests.steps.solids import ball_mm3

ROOT = Path(__file__).resolve().parents[2]
BROKEN = 'raise ImportError("libGL.so.1: cannot open shared object file: No such file")\n'
PROBE = """
import json
from negvol_cli.mesh.backend import load_backend
from tests.steps.made_joints import ball, measured, socket
backend = load_backend()
joint = measured(ball(6.0), socket(8.0, 11.0), backend)
print(json.dumps([backend.name, backend.why, joint.nv_mm3, joint.watertight]))
"""


@pytest.fixture(params=["pymeshlab", "trimesh"])
def each(request):
    backend = load_backend(request.param)
    if backend.name != request.param:
        pytest.skip(backend.why)
    return backend


def with_pymeshlab_hidden(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    (folder / "pymeshlab.py").write_text(BROKEN, encoding="utf-8")
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("radius", [3.0, 6.0, 10.0])
def test_smoothing_does_not_shrink(each, radius):
    raw = iso_surface(ball(radius), LEFT.local_grid, 0.5)

    refined = each.refine(raw, 0.6)

    assert refined.volume_mm3 == pytest.approx(raw.volume_mm3, rel=0.01)
    assert refined.is_watertight


def test_two_threads_may_refine_at_once(each):
    raw = iso_surface(ball(10.0), LEFT.local_grid, 0.5)

    meshes = at_once(dict.fromkeys(range(6), partial(each.refine, raw, 0.6)), threads=3)

    for mesh in meshes.values():
        assert np.array_equal(mesh.points_mm, meshes[0].points_mm)


def test_without_an_edge_to_aim_at_the_triangles_stay(each):
    raw = iso_surface(ball(6.0), LEFT.local_grid, 0.5)

    refined = each.refine(raw, None)

    assert np.array_equal(refined.triangles, raw.triangles)
    assert refined.volume_mm3 == pytest.approx(raw.volume_mm3, rel=0.01)


def test_a_roof_of_one_millimetre_keeps_its_thickness(each):
    z = np.indices(LEFT.local_grid.shape_zyx)[0]
    roof = iso_surface(((z == 60) | (z == 61)).astype(np.float32), LEFT.local_grid, 0.5)

    refined = each.refine(roof, 0.8)

    inner = np.abs(refined.points_mm[:, :2]).max(axis=1) < 28
    height = refined.points_mm[inner, 2]
    assert np.ptp(height) == pytest.approx(1.0, abs=0.05)
    assert refined.is_watertight


def test_a_torn_mesh_is_closed(each):
    raw = iso_surface(ball(5.0), LEFT.local_grid, 0.5)
    torn = Mesh(raw.points_mm, np.delete(raw.triangles, [10, 500, 900], axis=0))

    refined = each.refine(torn, 0.6)

    assert refined.is_watertight
    assert refined.volume_mm3 == pytest.approx(ball_mm3(5.0), rel=0.01)


def test_nothing_refined_is_nothing(each):
    assert each.refine(Mesh.empty(), 0.6).is_empty


def test_remeshing_comes_near_the_edge_that_was_asked_for():
    backend = load_backend("pymeshlab")
    if backend.name != "pymeshlab":
        pytest.skip(backend.why)
    refined = backend.refine(iso_surface(ball(6.0), LEFT.local_grid, 0.5), 0.8)

    a, b = (refined.points_mm[refined.triangles[:, i]] for i in (0, 1))
    assert np.linalg.norm(a - b, axis=1).mean() == pytest.approx(0.8, rel=0.1)


def test_a_backend_that_was_asked_for_is_given():
    backend = load_backend("trimesh")

    assert backend.name == "trimesh"
    assert backend.why == "trimesh was asked for."


def test_where_pymeshlab_cannot_load_trimesh_measures_the_same(tmp_path, backend):
    usual = measured(ball(6.0), socket(8.0, 11.0), backend)

    name, why, nv_mm3, watertight = json.loads(with_pymeshlab_hidden(tmp_path, PROBE).stdout)

    assert name == "trimesh"
    assert "libGL.so.1" in why
    assert "libgl1 and libopengl0" in why
    assert nv_mm3 == pytest.approx(usual.nv_mm3, rel=0.01)
    assert watertight


@pytest.mark.parametrize("library", ["pymeshlab", "trimesh"])
def test_no_mesh_library_is_imported_before_it_is_needed(library):
    modules = "negvol_cli.steps.measure, negvol_cli.io.mesh_files"
    code = f"import sys, {modules}; print({library!r} in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
