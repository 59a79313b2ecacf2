"""Joints as the networks gave them, kept on disk: what comes after is then cheap to repeat."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import crop_to
from negvol_cli.pipeline import located, segment_found
from negvol_cli.run import Run
from negvol_cli.steps.calibrate_hu import in_hu
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.localise import FoundJoint
from negvol_cli.steps.scanner import Scanner
from negvol_cli.steps.segment import segment_joint
from negvol_cli.structures import Side

MARGIN_MM: Final = 24.0
"""Of the scan beyond the joint frame: a frame moved to the coronoid process still lies in it."""
ARRAYS: Final = ("condyle_p", "bone_p", "hu_zyx", "recorded_zyx")


@dataclass(frozen=True, slots=True)
class KeptJoint:
    """One joint as it was segmented, with the scan about it and the scanner of the whole."""

    network: JointImages
    found: FoundJoint
    ct: Volume
    scanner: Scanner
    flags: tuple[str, ...]


def keep(name: str, volume: Volume, run: Run, folder: Path) -> None:
    """Localise and segment both joints of a scan, and store them as ``folder/<name>-<side>.npz``.

    Frames lie about the condylar head, wherever the localiser's mark was, so that what is then done
    to joints is done there. A joint that is not found is stored as an empty file.
    """
    models = run.networks()
    seen = in_hu(volume)
    volume, scanner = seen.volume, seen.scanner.scanner
    marked = located(volume, run)
    for side in Side:
        path = folder / f"{name}-{side}.npz"
        found = marked[side]
        if found is None:
            path.write_bytes(b"")
            continue
        _, found = segment_found(side, found, volume, run)
        network = segment_joint(volume, JointFrame(side, found.centre_mm_xyz), models.segmenters)
        part = _part(volume, network.frame)
        meta = {
            "centre": network.frame.centre_mm_xyz,
            "confidence": found.confidence,
            "scanner": asdict(scanner),
            "grid": asdict(part.grid),
            "flags": seen.flags,
        }
        arrays = {key: getattr(network, key) for key in ARRAYS}
        half = path.with_suffix(".half")  # a run that is stopped here leaves no half a joint
        with half.open("wb") as file:
            np.savez_compressed(file, ct=part.values_zyx, meta=json.dumps(meta), **arrays)
        half.replace(path)


def kept(path: Path) -> KeptJoint | None:
    """The joint stored at ``path``; None where none was found."""
    if not path.stat().st_size:
        return None
    with np.load(path) as stored:
        meta = json.loads(str(stored["meta"]))
        arrays = {key: stored[key] for key in ARRAYS}
        values = stored["ct"]
    frame = JointFrame(Side(path.stem.rpartition("-")[2]), vector(meta["centre"]))
    shape = meta["grid"]
    grid = Grid(
        tuple(shape["size_xyz"]),
        vector(shape["spacing_mm_xyz"]),
        vector(shape["origin_mm_xyz"]),
        tuple(shape["direction"]),
    )
    scanner = meta["scanner"] | {"blur_mm_xyz": vector(meta["scanner"]["blur_mm_xyz"])}
    return KeptJoint(
        JointImages(frame, **arrays),
        FoundJoint(frame.centre_mm_xyz, meta["confidence"]),
        Volume(values, grid),
        Scanner(**scanner),
        tuple(meta["flags"]),
    )


def _part(volume: Volume, frame: JointFrame) -> Volume:
    size = round(frame.size + 2 * MARGIN_MM / frame.spacing_mm)
    wide = JointFrame(frame.side, frame.centre_mm_xyz, frame.spacing_mm, size)
    part = crop_to(volume, wide.grid)
    if part is None:
        raise ValueError("a joint was found outside its scan")
    return part
