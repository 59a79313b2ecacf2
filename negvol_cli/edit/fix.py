"""A corrected segmentation as an editor saved it: named segments, or a label map."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.edit.folder import SCAN_KEY, SIDE_KEY
from negvol_cli.edit.names import label_of_name, side_of_name
from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.image import Scan, read_image, read_layers
from negvol_cli.io.label_map import LabelMap, as_labels, labels_in, read_label_map
from negvol_cli.structures import Label, Side, scan_label

Mask = npt.NDArray[np.bool_]

_NAME: Final = re.compile(r"Segment(\d+)_(ID|Name|LabelValue|Layer)")


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One structure of a fix: what it is called, what and whose it is, and its voxels [z, y, x].

    ``side`` is None where the file does not state it.
    """

    name: str
    label: Label
    side: Side | None
    mask_zyx: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Fix:
    """A corrected segmentation in LPS order: the grid of ``volume`` and its ``segments``.

    ``named`` says whether the file names its segments; an editor that names them leaves out what is
    empty, so that beyond its grid there is nothing. ``others`` are segments of other names that
    hold something. ``scan_sha256`` and ``side`` are what our own header still says of the origin.
    """

    path: Path
    volume: Volume
    segments: tuple[Segment, ...]
    named: bool
    sha256: str
    others: tuple[str, ...] = ()
    scan_sha256: str = ""
    side: Side | None = None


def read_fix(path: Path, side: Side | None = None) -> Fix:
    """Read a fix; ``side`` is that of a map of one joint, where the user states it.

    Raises
    ------
    InputError
        The file is unusable, empty, has no condyle and temporal bone by name or number, names one
        of them twice, or two of its segments overlap.
    """
    if path.name.lower().endswith((".nrrd", ".nhdr")):
        scan, layers, pairs = read_layers(path)
        read = _Layers(path, layers)
        listed = list(_listed(pairs, len(layers), path))
        of_scan, whose = pairs.get(SCAN_KEY, ""), _side(pairs.get(SIDE_KEY, ""))
        if listed or len(layers) > 1:
            segments, others = _named(read, listed, side)
            return Fix(path, scan.volume, segments, True, scan.sha256, others, of_scan, whose)
    else:
        scan, of_scan, whose = read_image(path), "", None
    volume = Volume(as_labels(scan.volume.values_zyx, path), scan.volume.grid)
    segments = tuple(_numbered(path, volume, side or whose))
    return Fix(path, volume, segments, False, scan.sha256, (), of_scan, whose)


def as_label_map(fix: Fix, scan: Scan) -> LabelMap:
    """The segments in the six labels of both joints; ``scan`` is the fix's own.

    Raises InputError where it is not said whose joint a segment is of.
    """
    labels = np.zeros(fix.volume.grid.shape_zyx, dtype=np.uint8)
    for segment in fix.segments:
        side = segment.side or fix.side
        if side is None:
            raise InputError(
                f"{fix.path} does not say whose its segment {segment.name!r} is: say whether it is "
                "right or left"
            )
        labels[segment.mask_zyx] = scan_label(side, segment.label)
    found = labels_in(Volume(labels, fix.volume.grid))
    sides = tuple(s for s in Side if scan_label(s, Label.CONDYLE) in found)
    return LabelMap(replace(scan, volume=Volume(labels, fix.volume.grid)), sides)


def read_any_labels(path: Path, side: Side | None) -> LabelMap:
    """An existing segmentation, by the names of its segments where it has such, else by numbers.

    Raises InputError as ``read_fix`` and ``read_label_map`` do.
    """
    if path.name.lower().endswith((".nrrd", ".nhdr")):
        fix = read_fix(path, side)
        if fix.named:
            return as_label_map(fix, read_layers(path)[0])
    return read_label_map(path, side)


@dataclass(frozen=True, slots=True, eq=False)
class _Layers:
    """The voxels [layer, z, y, x] of a file."""

    path: Path
    layers: npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Listed:
    name: str
    value: int
    layer: int


def _listed(pairs: Mapping[str, str], layers: int, path: Path) -> Iterator[_Listed]:
    """The segments that a header lists (vtkMRMLSegmentationStorageNode of 3D Slicer).

    Old files state neither value nor layer: each segment then is 1 in a layer of its own.
    """
    found: dict[int, dict[str, str]] = {}
    for key, text in pairs.items():
        match = _NAME.fullmatch(key)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = text
    for number, fields in sorted(found.items()):
        name = fields.get("Name", fields.get("ID", f"segment {number}"))
        try:
            value = int(fields.get("LabelValue", "1"))
            layer = int(fields.get("Layer", str(number if layers > 1 else 0)))
        except ValueError:
            value, layer = 0, -1
        if value < 1 or not 0 <= layer < layers:
            raise InputError(
                f"{path} does not say where its segment {name!r} is (LabelValue, Layer): save it "
                "again as .seg.nrrd"
            )
        yield _Listed(name, value, layer)


def _named(
    read: _Layers, listed: list[_Listed], side: Side | None
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """The segments that are bones, and the names of others that hold something."""
    segments, others = [], []
    for item in listed:
        label = label_of_name(item.name)
        mask = read.layers[item.layer] == item.value
        if label is None:
            others += [item.name] if mask.any() else []
        elif label is not Label.NEGATIVE_VOLUME:
            stated = side or side_of_name(item.name)
            segments.append(Segment(item.name, label, stated, mask))
    _refuse_unnamed(read, listed)
    _refuse_without_bones(read.path, segments, listed)
    _refuse_overlaps(read.path, segments)
    return tuple(segments), tuple(others)


def _refuse_without_bones(path: Path, segments: list[Segment], listed: list[_Listed]) -> None:
    names = ", ".join(repr(item.name) for item in listed) or "none"
    for label in (Label.CONDYLE, Label.TEMPORAL_BONE):
        of_label = [segment for segment in segments if segment.label is label]
        if not of_label:
            wanted = label.name.lower().replace("_", " ")
            raise InputError(
                f"{path} has no segment that is called {wanted} (its segments: {names}): name the "
                "two bones condyle and temporal bone"
            )
        empty = next((segment for segment in of_label if not segment.mask_zyx.any()), None)
        if empty is not None:
            raise InputError(f"{path}: the segment {empty.name!r} is empty: draw it, or undo")


def _refuse_unnamed(read: _Layers, listed: list[_Listed]) -> None:
    """Refuse voxels that belong to no segment: numbers and names do not fit each other then."""
    for number, layer in enumerate(read.layers):
        known = {item.value for item in listed if item.layer == number}
        odd = set(np.unique(layer).tolist()) - known - {0}
        if odd:
            raise InputError(
                f"{read.path} has voxels of the value {min(odd):g} that none of its segments has "
                "(LabelValue): save it again as .seg.nrrd"
            )


def _refuse_overlaps(path: Path, segments: list[Segment]) -> None:
    for number, one in enumerate(segments):
        for other in segments[number + 1 :]:
            both = int((one.mask_zyx & other.mask_zyx).sum())
            if both:
                raise InputError(
                    f"{path}: the segments {one.name!r} and {other.name!r} overlap in {both} "
                    "voxels, which can be one bone only: take them out of one of the two"
                )


def _numbered(path: Path, volume: Volume, side: Side | None) -> Iterator[Segment]:
    """The segments of a label map: 1 and 2 of one joint, or right 1 and 2, left 4 and 5."""
    found = labels_in(volume)
    if not found:
        raise InputError(f"{path} is blank: every voxel is 0, and a condyle has a label")
    one = found <= {int(Label.CONDYLE), int(Label.TEMPORAL_BONE)}
    known = {scan_label(s, label) for s in Side for label in list(Label)[1:]}
    if not found <= known or (side is not None and not one):
        allowed = "1 condyle and 2 temporal bone" if side or one else "0 to 6"
        odd = max(found) if side is not None else min(found - known)
        raise InputError(
            f"{path} contains the label {odd}, and labels are {allowed}: give the numbers that "
            "negvol wrote, or segments with names (.seg.nrrd)"
        )
    for label in (Label.CONDYLE, Label.TEMPORAL_BONE):
        name = label.name.lower().replace("_", " ")
        if one:
            yield Segment(name, label, side, volume.values_zyx == int(label))
            continue
        for whose in Side:
            value = scan_label(whose, label)
            yield Segment(f"{whose} {name}", label, whose, volume.values_zyx == value)


def _side(text: str) -> Side | None:
    return Side(text) if text in list(Side) else None
