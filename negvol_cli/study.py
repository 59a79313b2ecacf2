"""One scan from its file to its result folder: read, measure, draw, save."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Final

from negvol_cli.config import RESEARCH_USE, Settings, Side
from negvol_cli.image_io import name_of, read_scan, write_labels
from negvol_cli.inspection import check_ct
from negvol_cli.label_files import read_label_map
from negvol_cli.mesh_files import write_ply, write_stl
from negvol_cli.output_folder import new_output
from negvol_cli.pipeline import (
    Measurement,
    Models,
    Progress,
    labels_on_scan,
    load_models,
    measure_ct,
    measure_label_map,
)
from negvol_cli.report import ScanReport
from negvol_cli.report_files import write_csv, write_json
from negvol_cli.stopwatch import Stopwatch

RUN_SCHEMA: Final = 1
LIBRARIES: Final = ("numpy", "scipy", "scikit-image", "SimpleITK", "pymeshlab", "trimesh")


def measure_scan(
    scan: Path,
    out: Path | None = None,
    settings: Settings | None = None,
    *,
    bundle: Path | None = None,
    models: Models | None = None,
    overwrite: bool = False,
    progress: Progress = lambda _step, _done: None,
) -> ScanReport:
    """Measure both joints of the head CT at ``scan`` and write ``out/<scan>/``.

    ``out`` None writes nothing. ``models`` (from ``pipeline.load_models``) saves loading the
    ``bundle`` again for the next scan. Raises InputError for an unusable scan, ModelError for an
    unusable bundle, OutputError where the result cannot be written.
    """
    settings = settings or Settings()
    watch = Stopwatch()

    def measured() -> Measurement:
        progress("reading the scan", 0.0)
        with watch.step("read"):
            read = read_scan(scan)
            flags = check_ct(read.volume, read.name)
        with watch.step("load models"):
            loaded = models or load_models(bundle, settings)
        return measure_ct(read, flags, loaded, settings, watch, progress)

    return _result(scan, out, overwrite, measured, settings, watch, progress)


def measure_labels(
    labels: Path,
    out: Path | None = None,
    settings: Settings | None = None,
    *,
    side: Side | None = None,
    overwrite: bool = False,
    progress: Progress = lambda _step, _done: None,
) -> ScanReport:
    """Measure the joints of an existing segmentation and write ``out/<labels>/``.

    ``side`` says whose joint a map of one joint (0, 1, 2) shows. Raises like ``measure_scan``.
    """
    settings = settings or Settings()
    watch = Stopwatch()

    def measured() -> Measurement:
        progress("reading the labels", 0.0)
        with watch.step("read"):
            read = read_label_map(labels, side)
        return measure_label_map(read, settings, watch, progress)

    return _result(labels, out, overwrite, measured, settings, watch, progress)


def _result(
    source: Path,
    out: Path | None,
    overwrite: bool,
    measured: Callable[[], Measurement],
    settings: Settings,
    watch: Stopwatch,
    progress: Progress,
) -> ScanReport:
    """What ``measured`` reports, saved below ``out`` unless that is None."""
    if out is None:
        return measured().report
    with new_output(out, name_of(source), overwrite) as folder:
        measurement = measured()
        _save(measurement, source, folder, settings, watch, progress)
    return measurement.report


def _save(
    measurement: Measurement,
    source: Path,
    folder: Path,
    settings: Settings,
    watch: Stopwatch,
    progress: Progress,
) -> None:
    from negvol_cli.render.html import write_html
    from negvol_cli.render.preview import draw_preview

    report, pictures = measurement.report, measurement.pictures
    progress("writing the result", 0.8)
    with watch.step("save labels and meshes"):
        labels = labels_on_scan(measurement)
        write_labels(labels.values_zyx, measurement.scan, folder / "labels.nii.gz")
        _save_meshes(measurement, folder / "meshes")
    write_json(report, folder / "report.json")
    write_csv(report, folder / "report.csv")
    with watch.step("draw"):
        draw_preview(report, pictures, folder / "preview.png")
        write_html(report, pictures, folder / "report.html", details=_versions())
    run = {
        "schema": RUN_SCHEMA,
        "research_use": RESEARCH_USE,
        "scan": report.scan,
        "input_sha256": _hash(source),
        "settings": asdict(settings),
        "bundle": report.bundle,
        "provider": report.provider,
        "mesh_backend": report.mesh_backend,
        "versions": _versions(),
        "steps": watch.as_dicts(),
    }
    text = json.dumps(run, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "run.json").write_text(text + "\n", encoding="utf-8")
    progress("done", 1.0)


def _save_meshes(measurement: Measurement, folder: Path) -> None:
    folder.mkdir()
    for side, picture in measurement.pictures.items():
        geometry = picture.geometry
        meshes = {"condyle": geometry.condyle, "temporal_bone": geometry.temporal_bone}
        if measurement.report.joint(side).nv_mm3 is not None:
            meshes["inflated"] = geometry.inflated
        for name, mesh in meshes.items():
            space = geometry.joint_space_mm if name == "condyle" else None
            write_ply(mesh, geometry.frame, folder / f"{side}_{name}.ply", joint_space_mm=space)
            write_stl(mesh, geometry.frame, folder / f"{side}_{name}.stl")


def _versions() -> Mapping[str, str]:
    versions = {"negvol": metadata.version("negvol"), "python": platform.python_version()}
    for name in (*LIBRARIES, "onnxruntime-gpu", "onnxruntime"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**versions, "system": f"{platform.system()} {platform.machine()}"}


def _hash(source: Path) -> str | None:
    """The SHA-256 of the scan's file; None for a folder."""
    if not source.is_file():
        return None
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
