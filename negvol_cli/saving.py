"""The files of a result, written into a folder of its own: run.json, which names them, last.

Of two joints that are measured at once one is ready first, and leaves a core idle: it is drawn
meanwhile (``Ahead``).
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from negvol_cli.edit.folder import edit_files, write_edit
from negvol_cli.io.colour_tables import write_label_colours
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.image import write_labels
from negvol_cli.io.label_map import LABELS_FILE
from negvol_cli.io.output_folder import RUN_SCHEMA
from negvol_cli.io.report_files import write_csv, write_json
from negvol_cli.pipeline import Measurement
from negvol_cli.run import Run
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.steps.joint_view import JointView
from negvol_cli.steps.scan_labels import labels_on_scan
from negvol_cli.structures import Side
from negvol_cli.threads import at_once
from negvol_cli.version import __version__, program_stamp

if TYPE_CHECKING:
    from negvol_cli.render.pair import PairSection
    from negvol_cli.render.shown import Shown

WriteDicom = Callable[[Measurement, Path], Mapping[str, str]]
"""Writes a result as DICOM below its folder, where ``report.html`` lies already.

Gives what run.json should say of how that was done.
"""

LIBRARIES: Final = (
    "numpy",
    "scipy",
    "scikit-image",
    "SimpleITK",
    "pydicom",
    "pykdtree",
    "pymeshlab",
    "trimesh",
    "openvino",
)


class Ahead:
    """Draws and packs joints while others are measured, and the last while it is being checked.

    Called with a joint's view as soon as there is one. It draws in one thread of its own, which
    ends with the block; what it draws serves where the checks leave the view as it is. What cannot
    be drawn fails when it is asked for. ``scan_sha256`` is the scan's.
    """

    def __init__(self, run: Run, scan_sha256: str) -> None:
        self._run, self._scan_sha256 = run, scan_sha256
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="negvol-draw")
        self.shown: dict[Side, Shown] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def prepare(self) -> None:
        """Load what draws, best while networks run, which leave Python's lock to it."""
        self._thread.submit(_prepare)

    def __call__(self, view: JointView) -> Callable[[], object]:
        """Begin with a joint; with the first by what is returned, once it has been checked.

        Sooner, it would hold up the checks and the other joint, which is measured meanwhile: all
        three want Python's lock.
        """
        from negvol_cli.render.ahead import unjudged

        first, shown = not self.shown, unjudged(view)
        self.shown[view.side] = shown

        def begin() -> object:
            return self._thread.submit(self._draw, shown)

        if first:
            return begin
        begin()
        return lambda: None

    def _draw(self, shown: Shown) -> None:
        from negvol_cli.render.ahead import draw

        with self._run.watch.step("draw"):
            draw(shown)
        with self._run.watch.step("save labels"):
            _edit_files(shown, self._scan_sha256)


def _prepare() -> None:
    """Load what draws, and find out once what every result says of the program."""
    from negvol_cli.render import ahead

    ahead.load()
    program_stamp()
    _versions()


def save_result(
    measurement: Measurement,
    folder: Path,
    run: Run,
    *,
    library: str | None = None,
    as_dicom: WriteDicom | None = None,
    section: PairSection | None = None,
    more: Mapping[str, Any] | None = None,
    ahead: Ahead | None = None,
) -> None:
    """Write all files of a result into ``folder``.

    ``library`` and ``section`` are those of ``render.html``; ``more`` is added to run.json;
    ``ahead`` has begun with the joints. Raises OutputError where a file cannot be written.
    """
    from negvol_cli.render.shown import both_sides

    report = measurement.report
    run.progress("writing the result", 0.8)
    write_json(report, folder / "report.json")
    write_csv(report, folder / "report.csv")
    before = ahead.shown if ahead is not None else {}
    shown = both_sides(report, measurement.views, before)
    tasks = {
        "labels": partial(_save_labels, measurement, folder, run, shown),
        "meshes": partial(_save_meshes, measurement, folder, run, shown),
        "preview": partial(_draw_preview, measurement, folder, run, shown),
        "page": partial(
            _write_page, measurement, folder, run, shown, library=library, section=section
        ),
    }
    at_once(tasks, run.settings.threads)
    said: dict[str, Any] = dict(more or {})
    if as_dicom is not None:
        run.progress("writing DICOM", 0.9)
        with run.watch.step("write DICOM"):
            said["dicom"] = as_dicom(measurement, folder)
    record = {**_record(measurement, folder, run), **said}
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "run.json").write_text(text + "\n", encoding="utf-8")
    run.progress("done", 1.0)


def _save_labels(
    measurement: Measurement, folder: Path, run: Run, shown: tuple[Shown, Shown]
) -> None:
    """Write the labels, and what the joints are measured again from."""
    views, scan_sha256 = measurement.views, measurement.scan.sha256
    with run.watch.step("save labels"):
        labels = labels_on_scan(views, measurement.scan.volume.grid)
        write_labels(labels.values_zyx, measurement.scan, folder / LABELS_FILE)
        write_label_colours(folder)
        write_edit((_edit_files(one, scan_sha256) for one in shown), folder)


def _edit_files(shown: Shown, scan_sha256: str) -> Mapping[str, bytes]:
    """The files by which a joint is corrected, packed once, whichever thread asks first."""
    view = shown.view
    if view is None:
        return {}
    return shown.drawn.get("edit", partial(edit_files, view, scan_sha256))


def _save_meshes(
    measurement: Measurement, folder: Path, run: Run, shown: tuple[Shown, Shown]
) -> None:
    """Write the meshes and the scene."""
    from negvol_cli.render.meshes import write_meshes
    from negvol_cli.render.scene import write_scene

    report = measurement.report
    with run.watch.step("save meshes"):
        light = {one.joint.side: one.light() for one in shown if one.view is not None}
        write_meshes(report, light, folder / "meshes", run.settings.meshes)
        write_scene(report, light, folder / "scene.glb")


def _draw_preview(
    measurement: Measurement, folder: Path, run: Run, shown: tuple[Shown, Shown]
) -> None:
    """Draw the preview."""
    from negvol_cli.render.preview import draw_preview

    with run.watch.step("draw"):
        draw_preview(measurement.report, measurement.views, folder / "preview.png", shown)


def _write_page(
    measurement: Measurement,
    folder: Path,
    run: Run,
    shown: tuple[Shown, Shown],
    *,
    library: str | None,
    section: PairSection | None,
) -> None:
    """Draw and write the page."""
    from negvol_cli.render.html import write_html

    report, views = measurement.report, measurement.views
    with run.watch.step("draw"):
        patient = {"patient ID": report.patient_id} if report.patient_id else {}
        details = {**patient, **_versions()}
        draw = partial(write_html, report, views, folder / "report.html", details=details)
        draw(library=library, shown=shown, section=section)


def _record(measurement: Measurement, folder: Path, run: Run) -> Mapping[str, Any]:
    """What ``run.json`` holds: how the result was made, and the hash of each of its files."""
    report = measurement.report
    return {
        "schema": RUN_SCHEMA,
        "research_use": RESEARCH_USE,
        "scan": report.scan,
        "input_sha256": measurement.scan.sha256,
        "settings": asdict(run.settings),
        "bundle": report.bundle,
        "provider": report.provider,
        "mesh_backend": report.mesh_backend,
        "program": program_stamp(),
        "versions": _versions(),
        "steps": run.watch.as_dicts(),
        "files": _digests(folder),
    }


@cache
def _versions() -> Mapping[str, str]:
    versions = {"negvol": __version__, "python": platform.python_version()}
    for name in (*LIBRARIES, "onnxruntime-gpu", "onnxruntime"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**versions, "system": f"{platform.system()} {platform.machine()}"}


def _digests(folder: Path) -> Mapping[str, str]:
    """The SHA-256 of every file below ``folder``, by which a later run knows that all are whole."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_of([path]) for path in files}
