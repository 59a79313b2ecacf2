"""What a joint is measured again from, in one packed file of about 0.6 MB.

The final edges are kept as they were measured, in steps of 1/255, so that the same figures come
out again. What the networks gave is kept where the checks look at it, in a window about the
condylar head, as is the CT; beyond, the final edges stand in. The file is one of NumPy's, packed by
deflate: bzip2 makes these arrays a tenth smaller, in three times the time.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.edit.packed_edges import pack_edges, unpack_edges
from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Vector, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.steps.flags import Flag, FlagKind
from negvol_cli.steps.joint_basis import Drawn, JointBasis
from negvol_cli.steps.joint_images import STEPS, Floats, JointImages, from_steps, to_steps
from negvol_cli.steps.localise import FoundJoint
from negvol_cli.steps.scanner import Scanner
from negvol_cli.steps.uncertainty import EdgeQuality
from negvol_cli.structures import AIR_HU, Side

SCHEMA: Final = 1
LEVEL: Final = 4
"""Of deflate: with 6 the file is 3 % smaller, and takes half as long again."""
FEW: Final = 8
"""Enough for how sure a network was (``entropy_bits``)."""
WINDOW_MM: Final = 48.0
"""Width of the cube about the condylar head: the pictures' 44 mm, the checks' 40 mm, and a margin
in which the head's centre may move."""
SENTENCES: Final = {
    FlagKind.CELLS_CLOSED: r"air cells above the condyle \((\d+) mm³\)",
    FlagKind.ROOF_BRIDGED: r"no roof of the fossa was to be seen over (\d+) mm²",
    FlagKind.GAS: r"gas in the joint \((\d+) mm³\)",
    FlagKind.METAL: r"metal near the joint: (\d+) mm³",
    FlagKind.THICK_SLICES: r"slices are about ([\d.]+) mm thick",
}
"""How a flag begins in the results of versions to 0.7.0, which kept nothing but its sentence."""


def window_about(frame: JointFrame, centre_mm: Vector) -> tuple[slice, slice, slice]:
    """The voxels [z, y, x] of the frame, in frame order, that are kept about a point, frame mm."""
    size = min(round(WINDOW_MM / frame.spacing_mm), frame.size)
    middle = np.rint(frame.local_grid.to_index(centre_mm)).astype(int)
    low = np.clip(middle - size // 2, 0, frame.size - size)
    x, y, z = (slice(int(a), int(a) + size) for a in low)
    return z, y, x


def window_grid(frame: JointFrame, window: tuple[slice, slice, slice]) -> Grid:
    """The grid, in the patient, of a window's voxels in world order (``JointFrame.mirror``)."""
    z, y, x = window
    if frame.side is Side.RIGHT:
        x = slice(frame.size - x.stop, frame.size - x.start)
    origin = frame.grid.to_world((x.start, y.start, z.start))
    size = (x.stop - x.start, y.stop - y.start, z.stop - z.start)
    return Grid(size, frame.grid.spacing_mm_xyz, vector(origin))


def pack_basis(basis: JointBasis, window: tuple[slice, slice, slice]) -> bytes:
    """The bytes of the file, which holds all but the CT."""
    frame, measured, network = basis.measured.frame, basis.measured, basis.network
    scanner = None if basis.edges is None else asdict(basis.edges[1])
    about = {
        "schema": SCHEMA,
        "side": str(frame.side),
        "centre_mm_xyz": frame.centre_mm_xyz,
        "spacing_mm": frame.spacing_mm,
        "size": frame.size,
        "window_zyx": [[part.start, part.stop] for part in window],
        "found": asdict(basis.found) if basis.found else None,
        "flags": [asdict(flag) for flag in basis.flags],
        "scanner": scanner,
        "voxel_mm": basis.voxel_mm,
        "drawn": asdict(basis.drawn),
        "outline": asdict(basis.outline) if basis.outline else None,
        "excused": sorted(basis.excused),
    }
    arrays: dict[str, Any] = {
        "about": np.frombuffer(json.dumps(about).encode("utf-8"), dtype=np.uint8),
        "condyle": to_steps(measured.condyle_p),
        "bone": to_steps(measured.bone_p),
        "network_condyle": _in_few(network.condyle_p[window]),
        "network_bone": _in_few(network.bone_p[window]),
        "recorded": np.packbits(measured.recorded_zyx),
        **({} if basis.edges is None else pack_edges(basis.edges[0])),
    }
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as packed:
        for name, array in arrays.items():
            with packed.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return whole.getvalue()


def _in_few(p_zyx: Floats) -> npt.NDArray[np.uint8]:
    """A network's probability in steps of ``FEW``/255, none across one half."""
    steps = to_steps(p_zyx).astype(np.int16)
    few = np.minimum(np.rint(steps / FEW) * FEW, STEPS)
    across = (steps < STEPS / 2) & (few > STEPS / 2)
    return np.asarray(np.where(across, few - FEW / 2, few), dtype=np.uint8)


def read_basis(path: Path, hu_window: npt.NDArray[np.int16]) -> JointBasis:
    """Read what ``pack_basis`` wrote; ``hu_window`` [z, y, x] is the CT there, in frame order.

    Beyond the window the CT counts as air. Raises InputError where the file is not one of ours.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays["about"].tobytes().decode("utf-8"))
        if about["schema"] != SCHEMA:
            raise InputError(
                f"{path} was written by another version of negvol: measure the scan again with "
                "this one"
            )
        return _basis(about, arrays, hu_window)
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as err:
        raise InputError(f"{path} is damaged ({err}): measure the scan again") from err


def _basis(
    about: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], hu_window: npt.NDArray[Any]
) -> JointBasis:
    frame = JointFrame(
        Side(about["side"]), vector(about["centre_mm_xyz"]), about["spacing_mm"], about["size"]
    )
    shape = frame.local_grid.shape_zyx
    z, y, x = (slice(*part) for part in about["window_zyx"])
    hu = np.full(shape, AIR_HU, dtype=np.float32)
    hu[z, y, x] = hu_window
    condyle, bone = from_steps(arrays["condyle"]), from_steps(arrays["bone"])
    bits = np.unpackbits(arrays["recorded"], count=int(np.prod(shape)))
    recorded = bits.reshape(shape).astype(bool)
    network = [condyle.copy(), bone.copy()]
    network[0][z, y, x] = from_steps(arrays["network_condyle"])
    network[1][z, y, x] = from_steps(arrays["network_bone"])
    measured = JointImages(frame, hu, condyle, bone, recorded)
    found, scanner = about["found"], about["scanner"]
    return JointBasis(
        network=JointImages(frame, hu, network[0], network[1], recorded),
        measured=measured,
        found=FoundJoint(vector(found["centre_mm_xyz"]), found["confidence"]) if found else None,
        flags=tuple(_flag(said) for said in about["flags"]),
        edges=(unpack_edges(arrays, measured), _scanner(scanner)) if scanner else None,
        voxel_mm=about.get("voxel_mm"),  # results of 0.3.0 do not say
        drawn=Drawn(**about["drawn"]),
        outline=EdgeQuality(**about["outline"]) if about["outline"] else None,
        excused=frozenset(about["excused"]),
    )


def _flag(said: Mapping[str, Any] | str) -> Flag:
    """A flag as ``pack_basis`` wrote it, or as an earlier version did: its sentence alone."""
    if not isinstance(said, str):
        return Flag(FlagKind(said["kind"]), str(said["text"]), float(said["amount"]))
    for kind, sentence in SENTENCES.items():
        if found := re.match(sentence, said):
            return Flag(kind, said, float(found[1]))
    raise ValueError(f"unknown flag {said!r}")


def _scanner(said: Mapping[str, Any]) -> Scanner:
    return Scanner(**{**said, "blur_mm_xyz": vector(said["blur_mm_xyz"])})
