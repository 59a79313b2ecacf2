"""Names and colours of the six labels, as tables for 3D Slicer and ITK-SNAP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from negvol_cli import colours
from negvol_cli.errors import OutputError
from negvol_cli.structures import Label, Side, scan_label

SLICER_FILE: Final = "labels.ctbl"
ITK_SNAP_FILE: Final = "labels-itksnap.txt"

_COLOURS: Final = {
    Label.CONDYLE: colours.CONDYLE,
    Label.TEMPORAL_BONE: colours.TEMPORAL_BONE,
    Label.NEGATIVE_VOLUME: colours.NEGATIVE_VOLUME,
}


def write_label_colours(folder: Path) -> None:
    """Write both tables into ``folder``, beside the labels.nii.gz that they describe.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    for name, text in ((SLICER_FILE, slicer_table()), (ITK_SNAP_FILE, itk_snap_table())):
        try:
            (folder / name).write_text(text, encoding="ascii", newline="\n")
        except OSError as err:
            raise OutputError(
                f"cannot write {folder / name} ({err.strerror}): choose another output folder"
            ) from err


def slicer_table() -> str:
    """Return a colour table of 3D Slicer: index, name without spaces, red, green, blue, opacity."""
    lines = [f"# Color table file {SLICER_FILE}", "# 7 values", "0 background 0 0 0 0"]
    for value, name, (red, green, blue) in _labels():
        lines.append(f"{value} {name.replace(' ', '_')} {red} {green} {blue} 255")
    return "\n".join(lines) + "\n"


def itk_snap_table() -> str:
    """Return ITK-SNAP's label descriptions: index, colour, opacity, two visibilities, name."""
    lines = [
        "################################################",
        "# ITK-SnAP Label Description File",
        "# File format:",
        "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL",
        "################################################",
        '    0     0    0    0        0  0  0    "Clear Label"',
    ]
    for value, name, (red, green, blue) in _labels():
        lines.append(f'{value:5} {red:5} {green:4} {blue:4}        1  1  1    "{name}"')
    return "\n".join(lines) + "\n"


def _labels() -> Iterator[tuple[int, str, tuple[int, int, int]]]:
    for side in Side:
        for label, colour in _COLOURS.items():
            name = f"{side} {label.name.lower().replace('_', ' ')}"
            yield scan_label(side, label), name, colours.rgb(colour)
