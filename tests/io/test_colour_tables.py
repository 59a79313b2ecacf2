"""The tables of labels say what every value of labels.nii.gz is, in the colours of the pictures."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from negvol_cli import colours
from negvol_cli.errors import OutputError
from negvol_cli.io.colour_tables import write_label_colours
from negvol_cli.structures import Label, Side, scan_label

COLOURS = {
    Label.CONDYLE: colours.CONDYLE,
    Label.TEMPORAL_BONE: colours.TEMPORAL_BONE,
    Label.NEGATIVE_VOLUME: colours.NEGATIVE_VOLUME,
}
EXPECTED = {
    scan_label(side, label): (f"{side} {label.name.lower()}".replace("_", " "), colours.rgb(colour))
    for side in Side
    for label, colour in COLOURS.items()
}


def test_3d_slicer_gets_a_line_per_label_without_spaces_in_names(tmp_path: Path):
    write_label_colours(tmp_path)

    lines = (tmp_path / "labels.ctbl").read_text().splitlines()
    cells = [line.split(" ") for line in lines if not line.startswith("#")]
    assert lines[0].startswith("# Color table file")
    assert cells[0] == ["0", "background", "0", "0", "0", "0"]
    found = {
        int(value): (name.replace("_", " "), tuple(map(int, rgb)))
        for value, name, *rgb, alpha in cells[1:]
        if alpha == "255"
    }
    assert found == EXPECTED


def test_itk_snap_gets_quoted_names_and_shows_every_label(tmp_path: Path):
    write_label_colours(tmp_path)

    lines = (tmp_path / "labels-itksnap.txt").read_text().splitlines()
    cells = [shlex.split(line) for line in lines if not line.startswith("#")]
    assert "# ITK-SnAP Label Description File" in lines
    assert cells[0] == ["0", "0", "0", "0", "0", "0", "0", "Clear Label"]
    found = {
        int(value): (name, tuple(map(int, rgb)))
        for value, *rgb, alpha, seen, meshed, name in cells[1:]
        if (alpha, seen, meshed) == ("1", "1", "1")
    }
    assert found == EXPECTED


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path):
    with pytest.raises(OutputError, match="choose another output folder"):
        write_label_colours(tmp_path / "none")
