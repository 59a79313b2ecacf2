"""Flags that a result keeps: a kind for intervals, and a sentence that may be worded anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from negvol_cli.edit.basis_file import pack_basis, read_basis, window_about
from negvol_cli.edit.packed_edges import pack_edges, unpack_edges
from negvol_cli.errors import InputError
from negvol_cli.geometry.joint_frame import FRAME_CENTRE, JointFrame
from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.edge_usual import USUAL, Kernel
from negvol_cli.steps.flags import Flag, FlagKind
from negvol_cli.steps.joint_basis import JointBasis
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.refine_edges import RefinedJoint
from negvol_cli.structures import Side

FRAME = JointFrame(Side.LEFT, (0.0, 0.0, 0.0), 4.0, 16)
WINDOW = window_about(FRAME, FRAME_CENTRE)


@pytest.fixture
def basis() -> JointBasis:
    nothing = np.zeros(FRAME.local_grid.shape_zyx, dtype=np.float32)
    images = JointImages(FRAME, nothing, nothing, nothing, nothing == 0)
    return JointBasis(network=images, measured=images, found=None)


def written(basis: JointBasis, path: Path) -> Path:
    path.write_bytes(pack_basis(basis, WINDOW))
    return path


def read(path: Path) -> JointBasis:
    return read_basis(path, np.zeros(FRAME.local_grid.shape_zyx, dtype=np.int16)[WINDOW])


def test_flags_come_back_as_they_were_however_they_are_worded(basis: JointBasis, tmp_path: Path):
    flags = tuple(Flag(kind, f"a sentence about {kind}", 12.345) for kind in FlagKind)

    assert read(written(replace(basis, flags=flags), tmp_path / "left.npz")).flags == flags


def refined_without_bone(basis: JointBasis) -> RefinedJoint:
    nowhere, nothing = np.zeros((0, 3)), np.zeros(0)
    edges = BoneEdges(nowhere, nowhere, nothing, nothing, nothing, nothing > 0, 1500.0)
    return RefinedJoint(basis.network, edges, edges, nothing, nothing.astype(np.intp))


def test_the_kernel_comes_back_and_is_the_usual_one_where_none_was_kept(basis: JointBasis):
    seen = Kernel(width=0.85, overshoot=0.6)
    kept = pack_edges(replace(refined_without_bone(basis), kernel=seen))

    assert unpack_edges(kept, basis.network).kernel == seen
    del kept["kernel"]
    assert unpack_edges(kept, basis.network).kernel == USUAL


def test_what_hangs_on_the_level_of_cortex_comes_back_and_is_nothing_where_it_was_not_kept(
    basis: JointBasis,
):
    kept = pack_edges(replace(refined_without_bone(basis), level_mm=0.12))

    assert unpack_edges(kept, basis.network).level_mm == 0.12
    del kept["level_mm"]
    assert unpack_edges(kept, basis.network).level_mm == 0.0


def with_flags(path: Path, flags: list[str]) -> Path:
    """The file of a result with its flags as sentences, as versions to 0.7.0 kept them."""
    with np.load(path) as stored:
        arrays = dict(stored)
    about = json.loads(arrays["about"].tobytes()) | {"flags": flags}
    old = path.with_name("old.npz")
    np.savez(old, **arrays | {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)})
    return old


def test_sentences_of_earlier_results_are_flags_of_their_kind(basis: JointBasis, tmp_path: Path):
    cells = (
        "air cells above the condyle (88 mm³) lay open and were closed: the roof of the fossa is "
        "thin, or there is gas in the joint; look at it"
    )
    roof = (
        "no roof of the fossa was to be seen over 15 mm² above the condyle, and it was bridged "
        "from its rim: look at it"
    )
    said = (
        Flag(FlagKind.CELLS_CLOSED, cells, 88.0),
        Flag(FlagKind.ROOF_BRIDGED, roof, 15.0),
        Flag(
            FlagKind.GAS,
            "gas in the joint (41 mm³), counted as joint space; look at it",
            amount=41.0,
        ),
        Flag(FlagKind.METAL, "metal near the joint: 24 mm³ above 3000 HU", 24.0),
        Flag(FlagKind.THICK_SLICES, "slices are about 3 mm thick, though 1.5 mm apart: rough", 3.0),
    )
    path = written(basis, tmp_path / "left.npz")

    assert read(with_flags(path, [flag.text for flag in said])).flags == said
    with pytest.raises(InputError, match="unknown flag 'all is well'"):
        read(with_flags(path, ["all is well"]))
