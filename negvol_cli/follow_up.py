"""Two results of one patient from their folders to the folder of their comparison."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from negvol_cli.comparison.compared import Compared, compare_results
from negvol_cli.comparison.files import (
    write_comparison_csv,
    write_comparison_json,
    write_condyles,
)
from negvol_cli.comparison.report import Comparison
from negvol_cli.comparison.stored import StoredResult, read_result
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.output_folder import RESULT_MARK, new_output
from negvol_cli.io.result_names import result_name
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.version import program_stamp

RECORD_SCHEMA: Final = 1

Progress = Callable[[str, float], None]


def compare(
    before: Path,
    after: Path,
    out: Path | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = lambda _step, _done: None,
) -> Comparison:
    """Compare the result folders of two scans of one patient, and write ``out/<name>/``.

    ``out`` None writes nothing; the name is ``name_of`` both scans. Raises
    InputError where a folder is no result, the two do not fit, or no joint can be compared, and
    OutputError if the comparison cannot be written.
    """
    progress("reading both results", 0.1)
    results = read_result(Path(before)), read_result(Path(after))
    if out is None:
        return _compared(results, progress).comparison
    name = name_of(results[0].name, results[1].name)
    with new_output(Path(out), name, overwrite) as folder:
        compared = _compared(results, progress)
        progress("drawing", 0.6)
        _save(compared, folder)
    progress("done", 1.0)
    return compared.comparison


def name_of(before: str, after: str) -> str:
    """The name of the folder of a comparison, from the names of the two results."""
    return result_name(f"{before}-to-{after}")


def _compared(results: tuple[StoredResult, StoredResult], progress: Progress) -> Compared:
    progress("registering the cranial base", 0.2)
    return compare_results(*results)


def _save(compared: Compared, folder: Path) -> None:
    """Write all files of a comparison; run.json, which names them, comes last."""
    from negvol_cli.render.comparison import draw_comparison, write_comparison_html

    comparison = compared.comparison
    (folder / "meshes").mkdir()
    for overlay in compared.overlays.values():
        write_condyles(overlay, comparison.joint(overlay.side), folder / "meshes")
    write_comparison_json(comparison, folder / "comparison.json")
    write_comparison_csv(comparison, folder / "comparison.csv")
    draw_comparison(compared, folder / "comparison.png")
    write_comparison_html(compared, folder / "comparison.html")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    record = {
        "schema": RECORD_SCHEMA,
        "research_use": RESEARCH_USE,
        "before": {"scan": comparison.before, "input_sha256": compared.before.input_sha256},
        "after": {"scan": comparison.after, "input_sha256": compared.after.input_sha256},
        "program": program_stamp(),
        "files": {path.relative_to(folder).as_posix(): digest_of([path]) for path in files},
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / RESULT_MARK).write_text(text + "\n", encoding="utf-8")
