from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from negvol_cli.render.table import print_report
from negvol_cli.report import (
    Agreement,
    JointReport,
    JointSpace,
    ReferenceComparison,
    ScanReport,
    Uncertainty,
)

BOTH_JOINTS = """\
head 7
voxels 0.50 x 0.50 x 3.00 mm

Right joint      ok
Left joint       ok

                              Right     Left
Condylar head volume, mm³      1843     1843   equal
Negative volume (NV), mm³      2315     1922   R is 1.20 × L
Articular NV, mm³              1205     1410   L is 1.17 × R
Joint space, mm
  narrowest                     1.2      0.0
  superior                      2.5      3.0
  anterior                      2.0        –
  posterior                     2.8      2.0
  medial                        3.3      1.0
  lateral                         –      4.0

Articular NV is the part of NV between the two bones.

Asymmetry                               NV    Articular NV
Left and right               R is 1.20 × L   L is 1.17 × R
(L-R)/(L+R)                         -0.093          +0.078
100·|L-R|/(L+R)                      9.3 %           7.8 %
100·|L-R|/((L+R)/2)                 18.6 %          15.7 %

Flags
Scan             slices are 3.0 mm thick
Right joint      the meshes touch

Measurement sphere  30 mm
Models              negvol-default 0.1.0
Networks ran on     CPU
Mesh library        pymeshlab
Research use only: not a medical device, not for diagnosis.
"""


def printed(report: ScanReport, **console: object) -> str:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=80, **console))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def test_a_log_file_gets_this_text(report: ScanReport):
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=80))

    assert stream.getvalue() == BOTH_JOINTS


def test_a_reference_gets_a_table_of_its_own(report: ScanReport):
    close = Agreement(dice=0.9671, hd95_mm=0.5, mean_surface_distance_mm=0.2, surface_dice=1.0)
    missed = replace(close, dice=0.0, hd95_mm=None)
    comparison = ReferenceComparison(
        condyle=close, temporal_bone=missed, negative_volume=None, within_mm=24.0, coverage=1.0
    )
    text = printed(replace(report, right=replace(report.right, reference=comparison)))

    assert text.split("Against")[1].split("\n\n")[0] == (
        " the reference        Right Dice   HD95 mm   Left Dice   HD95 mm\n"
        "Condyle                           0.967      0.50           –         –\n"
        "Temporal bone                     0.000         –           –         –\n"
        "Negative volume                       –         –           –         –"
    )


def test_without_a_reference_there_is_no_word_of_one(report: ScanReport):
    assert "reference" not in printed(report)


def test_a_joint_that_was_not_measured_shows_its_status_and_dashes(one_joint: ScanReport):
    text = printed(one_joint)

    assert "Left joint       cut by the field of view: it ends 12 mm short\n" in text
    assert "Negative volume (NV), mm³      2315        –   –\n" in text
    assert "100·|L-R|/(L+R)                   –              –\n" in text
    assert "Left joint" not in text.split("Flags")[1]


def test_a_wide_terminal_does_not_pull_the_table_apart(report: ScanReport):
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=200, force_terminal=True, color_system=None))

    assert max(len(line.rstrip()) for line in stream.getvalue().splitlines()) <= 80


@pytest.mark.parametrize("terminal", [True, False])
def test_no_line_is_wider_than_80_columns(report: ScanReport, terminal: bool):
    wordy = replace(
        report,
        flags=("a long flag " * 20,),
        left=replace(report.left, reason="a long reason " * 20),
    )
    lines = printed(wordy, force_terminal=terminal, no_color=True, color_system=None).splitlines()

    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()).count("a long reason") == 20


def test_colours_come_on_a_terminal_only_and_not_where_no_color_is_set(report: ScanReport):
    terminal = {"force_terminal": True, "color_system": "standard"}

    assert "\x1b[32m" in printed(report, **terminal)
    assert "\x1b[32m" not in printed(report, **terminal, no_color=True)
    assert "\x1b" not in printed(report)


def test_a_name_is_shown_as_it_is_and_cannot_steer_the_terminal(report: ScanReport):
    text = printed(replace(report, scan="[red]a\x1b[31mb :smile:"), force_terminal=True)

    assert "[red]a?[31mb :smile:" in text


def test_an_output_without_these_signs_gets_others(report: ScanReport):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_report(replace(report, scan="Schädel"), Console(file=stream, width=80))
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")

    assert "Sch?del" in text
    assert "Articular NV, mm3" in text
    assert "100*|L-R|/(L+R)" in text


def test_half_the_interval_stands_beside_each_figure(uncertain: ScanReport):
    known = replace(uncertain, nv_asymmetry_points=3.21)
    lines = printed(known).splitlines()

    nv = next(line for line in lines if line.startswith("Negative volume"))
    assert nv.split("  ")[0] == "Negative volume (NV), mm³"
    assert "2315 ± 97" in nv
    assert "1922 ± 97" in nv
    superior = next(line for line in lines if line.strip().startswith("superior"))
    assert superior.count("± 0.3") == 2
    assert sum("± 3.2 %" in line for line in lines) == 1
    assert max(map(len, lines)) <= 80


def test_volumes_within_their_intervals_are_equal(report: ScanReport):
    def alike(joint: JointReport, nv_mm3: float) -> JointReport:
        space = JointSpace(**dict.fromkeys(JointSpace.__slots__))
        half = Uncertainty(
            head_volume_mm3=90.0, nv_mm3=90.0, articular_nv_mm3=90.0, joint_space_mm=space
        )
        return replace(joint, nv_mm3=nv_mm3, uncertainty=half)

    near = replace(report, right=alike(report.right, 2000.0), left=alike(report.left, 2030.0))
    far = replace(near, left=alike(report.left, 2600.0))

    assert "2000 ± 90   2030 ± 90   equal within ±\n" in printed(near)
    assert "2000 ± 90   2600 ± 90   L is 1.30 × R\n" in printed(far)
