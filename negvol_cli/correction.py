"""``negvol measure FIX --of RESULT``: a result measured again with a corrected outline.

What comes of it, a revision, is written beside the result and is itself a result: it can be
compared, opened, and corrected again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from negvol_cli.edit.again import Again, measure_again
from negvol_cli.edit.fix import Fix, read_fix
from negvol_cli.edit.stored import StoredResult, read_result
from negvol_cli.errors import InputError
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.output_folder import REVISIONS, numbered_output
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import Measurement
from negvol_cli.report import ScanReport
from negvol_cli.run import Progress, Run
from negvol_cli.saving import save_result
from negvol_cli.settings import Settings
from negvol_cli.structures import Side

UNSTATED: Final = "not stated"
_ENDINGS: Final = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha")
"""What a fix may end in to be kept with its revision; others keep their voxels in a second file."""


@dataclass(frozen=True, slots=True, eq=False)
class Revision:
    """A result measured again: its folder, and what changed in words."""

    folder: Path
    report: ScanReport
    changes: tuple[str, ...]


def correct(
    fix: Path,
    of: Path,
    *,
    by: str = "",
    side: Side | None = None,
    progress: Progress = lambda _step, _done: None,
) -> Revision:
    """Measure the result in ``of`` again with the outlines in ``fix``: ``of``/revisions/001.

    ``fix`` is a segmentation of one joint or of both: an edited file of the result (its
    edit/<side>.seg.nrrd, or labels.nii.gz), or one that an editor saved in its place. The CT, the
    field of view, the calibration and the settings are those of the result, and so are the edges
    where nothing was edited. ``by`` is who corrected it, in any words.

    Raises
    ------
    InputError
        The result is not one, or not as it was written; or the fix is unusable or does not belong
        to it.
    OutputError
        The revision cannot be written.
    """
    progress("reading the result", 0.0)
    result = read_result(of)
    run = Run(settings=result.settings, backend=load_backend(), progress=progress)
    with run.watch.step("read"):
        read = read_fix(fix, side)
    again = measure_again(read, result, run, side)
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    with numbered_output(of / REVISIONS) as output:
        _write(output.folder, _Made(again, read, result, by.strip(), when), run)
    return Revision(output.folder, again.report, tuple(_lines(again)))


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A correction: what was measured, from what, by whom and when."""

    again: Again
    fix: Fix
    result: StoredResult
    by: str
    at: str


def _write(folder: Path, made: _Made, run: Run) -> None:
    from negvol_cli.render.pair import PairSection

    again, fix, result = made.again, made.fix, made.result
    kept = _keep(fix, folder)
    record: dict[str, Any] = {
        "of_run_json_sha256": result.sha256,
        "by": made.by,
        "at": made.at,
        "fix": {"file": kept, "sha256": fix.sha256},
        "changes": {str(side): asdict(change) for side, change in again.changes.items()},
    }
    when = datetime.fromisoformat(made.at).strftime("%Y-%m-%d %H:%M")
    lines = (f"By {made.by or UNSTATED}, {when}.", *_lines(again))
    section = PairSection("Corrected by hand", lines, tuple(_pairs(again, result)))
    scan = replace(result.labels, name=again.report.scan, sha256=result.scan_sha256)
    measurement = Measurement(again.report, scan, again.views)
    save_result(measurement, folder, run, section=section, more={"revision": record})


def _keep(fix: Fix, folder: Path) -> str:
    """Copy the fix, as the very bytes that were read, under a name that names nobody."""
    ending = next((e for e in _ENDINGS if fix.path.name.lower().endswith(e)), None)
    if ending is None:
        return ""
    target = folder / f"fix{ending}"
    shutil.copyfile(fix.path, target)
    if digest_of([target]) != fix.sha256:
        raise InputError(f"{fix.path} was changed while it was read: wait until it is saved")
    return target.name


def _pairs(again: Again, result: StoredResult) -> Iterator[Any]:
    """Each edited joint as it was measured automatically, and corrected."""
    from negvol_cli.render.pair import pair_panel
    from negvol_cli.render.shown import Shown

    for side, change in again.changes.items():
        if not change.bones:
            continue
        view, before = again.views[side], again.automatic[side]
        about = before.geometry.head_centre_mm
        yield pair_panel(
            f"{str(side).capitalize()} joint",
            Shown("Automatic", result.report.joint(side), before, about),
            Shown("Corrected", again.report.joint(side), view, about),
            solid=False,
        )


def _lines(again: Again) -> Iterator[str]:
    for change in again.changes.values():
        yield from change.lines


def refuse_settings(settings: Settings | None, others: Mapping[str, object]) -> None:
    """Refuse what a correction takes from its result. Raises InputError."""
    given = [name for name, value in others.items() if value]
    if settings is not None and settings != Settings():
        given.append("the measurement sphere or cube")
    if given:
        raise InputError(
            f"a correction takes {' and '.join(given)} from its result, beside which it is "
            "written: leave that away"
        )
