"""What the self-checks say of good joints, and of the same joints spoilt on purpose.

    python -m benchmarks.spoilt_joints DATA --keep FOLDER [--write]

Joints of real heads, of heads made worse, of coarse planning CT and of phantoms are segmented once
and kept in FOLDER. Each is measured as it is (a check that fails is a false alarm) and then spoilt
(``spoiling``): a hit is a joint that is said to be wrong; one that the program mended, its NV and
its head's volume as they were, is right; what is neither is wrong and silent, which may not be.
--write puts the table into docs/accuracy.md. The limits in ``steps/limits.py`` were chosen on it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.heads import HEADS
from benchmarks.kept_joints import KeptJoint, keep, kept
from benchmarks.phantom_cases import Case, Phantom, cases, cone_beam_cases
from benchmarks.scan_changes import noisier, with_slices
from benchmarks.spoiling import GAS, SPOILING, with_gas
from benchmarks.tables import markdown, write_table
from negvol_cli.errors import NegvolError
from negvol_cli.geometry.grid import Vector, Volume
from negvol_cli.io.image import read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import measure_segmented
from negvol_cli.report import JointReport, Status
from negvol_cli.run import Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.checks import check_pair
from negvol_cli.steps.limits import LIMITS
from negvol_cli.structures import Side

SPOILT: Final = (
    "medimodel-right",
    "cranium-left",
    "fullhead-right",
    "visible-female-left",
    "cthead-left",
    "visible-male-right",
)
"""One joint of each of six heads; a spoilt joint costs as much as a measured one."""
WORSE: Final = ("medimodel", "cranium", "visible-female")
CELLS_ABOVE: Final = 3
"""The phantom head with air cells above a roof of 0.6 mm, which the network does not outline."""
EVERY_HEADNECK: Final = 25
SAME_NV: Final = 0.05
SAME_HEAD: Final = 0.15
"""Relative: what NV and the head's volume may differ by where the program mended what was spoilt;
NV's own uncertainty is of that size."""


@dataclass(frozen=True, slots=True)
class Source:
    """A scan to take joints from: its group in the table, its name, and how to have it."""

    group: str
    name: str
    volume: Callable[[], Volume]


def sources(data: Path) -> Iterator[Source]:
    """Every scan, real ones first."""
    tmj = data / "tmj"
    for name in HEADS:
        yield Source("real CT", name, partial(_read, tmj / name / "ct.nii.gz"))
    for path in sorted((data / "headneck").glob("*.nii.gz"))[::EVERY_HEADNECK]:
        name = path.name.removesuffix(".nii.gz")
        yield Source("planning CT, 4 × 4 × 2.5 mm", name, partial(_read, path))
    for name in WORSE:
        scan = tmj / name / "ct.nii.gz"
        noisy, thick = f"{name}+noise", f"{name}+slices"
        yield Source("real CT, noise doubled", noisy, partial(_noisy, scan))
        yield Source("real CT, 2 mm slices", thick, partial(_thick, scan))
    fine = list(cases(12, ["0.4", "0.6", "1.0", "1 × 1 × 2"]))
    cells = [case for case in fine if case.head == CELLS_ABOVE]
    for case in [*fine[::9], *cells, *list(cone_beam_cases(12))[4:6]]:
        group = "phantoms, cone beam" if case.machine is None else "phantoms, CT"
        yield Source(group, f"phantom {case.key}".replace(" ", "_"), partial(_painted, case))


def _read(path: Path) -> Volume:
    return read_scan(path).volume


def _noisy(path: Path) -> Volume:
    return noisier(_read(path), 2.0)


def _thick(path: Path) -> Volume:
    return with_slices(_read(path), 2.0)


def _painted(case: Case) -> Volume:
    return Phantom(case.head).scan(case)


def segmented(data: Path, run: Run, folder: Path) -> Iterator[tuple[str, Path]]:
    """Group and file of every joint, segmented now where it was not yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources(data):
        files = [folder / f"{source.name}-{side}.npz" for side in ("right", "left")]
        if not all(file.exists() for file in files):
            keep(source.name, source.volume(), run, folder)
        for file in files:
            yield source.group, file


def measured(joint: KeptJoint, run: Run) -> JointReport | str:
    """The report of a joint, or why there is none."""
    try:
        return measure_segmented(joint.network, joint.found, joint.ct, joint.scanner, run)[0]
    except (NegvolError, ValueError, IndexError, ArithmeticError, RuntimeError) as err:
        return f"{type(err).__name__}: {err}"


def verdict(spoilt: Mapping[str, Any], good: Mapping[str, Any] | None) -> str:
    """``said``, ``right`` (as it was before it was spoilt) or ``silent``; ``ok`` for a good joint.

    Figures are held against the limits as they stand now, so that limits can be chosen without
    measuring again. A joint without a figure that no check doubts is silent: nothing was said.
    """
    if spoilt["error"] or failures(spoilt):
        return "said"
    if good is None:
        return "ok"
    same = _close(spoilt["nv_mm3"], good["nv_mm3"], SAME_NV)
    same &= _close(spoilt["head_mm3"], good["head_mm3"], SAME_HEAD)
    return "right" if same else "silent"


def failures(row: Mapping[str, Any]) -> list[str]:
    """The checks whose figures lie beyond their limits."""
    return [
        name
        for name, value in row["figures"].items()
        if name in LIMITS and not LIMITS[name].of(value).passed
    ]


def _nv(joint: JointReport) -> float | None:
    return joint.nv_mm3 if joint.nv_mm3 is not None else joint.nv_lower_bound_mm3


def _close(a: float | None, b: float | None, share: float) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= share * b


class Findings:
    """What came out, kept in a file so that a run can go on where it was stopped."""

    def __init__(self, path: Path) -> None:
        """Go on from ``path`` where it exists."""
        self._path = path
        self.rows: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Store and print one joint's outcome."""
        self.rows[key] = row
        self._path.write_text(json.dumps(self.rows, indent=1))
        print(key, *failures(row), row["error"], row["nv_mm3"], flush=True)


def row_of(group: str, kind: str, result: JointReport | str) -> dict[str, Any]:
    """One outcome as plain values."""
    row: dict[str, Any] = {"group": group, "kind": kind, "error": "", "figures": {}}
    if isinstance(result, str):
        return {**row, "error": result, "nv_mm3": None, "head_mm3": None}
    row["figures"] = {c.name: c.value for c in result.checks if c.value is not None}
    return {**row, "nv_mm3": _nv(result), "head_mm3": result.head_volume_mm3}


def tables(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Good joints with false alarms, spoilt ones with hits and misses, and each check's margins."""
    counts: dict[tuple[bool, str], Counter[str]] = defaultdict(Counter)
    why: dict[tuple[bool, str], Counter[str]] = defaultdict(Counter)
    for key, row in rows.items():
        spoilt = bool(row["kind"])
        good = rows[key.partition(": ")[0]] if spoilt else None
        if good is not None and verdict(good, None) != "ok":
            continue  # what was bad before cannot be spoilt
        name = (spoilt, row["kind"] or row["group"])
        counts[name][verdict(row, good)] += 1
        why[name].update(failures(row))
    by = {name: ", ".join(f"`{n}` {c}" for n, c in why[name].most_common(4)) for name in counts}
    first = [
        {
            "good joints": name,
            "joints": n.total(),
            "measured": n["ok"],
            "called implausible": n["said"],
            "by": by[spoilt, name],
        }
        for (spoilt, name), n in counts.items()
        if not spoilt
    ]
    second = [
        {
            "spoilt": name,
            "joints": n.total(),
            "said": n["said"],
            "mended": n["right"],
            "wrong and silent": n["silent"],
            "found by": by[spoilt, name],
        }
        for (spoilt, name), n in counts.items()
        if spoilt
    ]
    return "\n\n".join(markdown(part) for part in (first, second, margins(rows)) if part)


def margins(rows: Mapping[str, Mapping[str, Any]]) -> list[dict[str, object]]:
    """Of each check: its limit, the good joint nearest to it, and the mildest that it found.

    *Found alone* counts the spoilt joints that no other check would have doubted.
    """
    lines: list[dict[str, object]] = []
    good = {key: row for key, row in rows.items() if not row["kind"] and verdict(row, None) == "ok"}
    spoilt = [row for key, row in rows.items() if row["kind"] and key.partition(": ")[0] in good]
    for name, limit in LIMITS.items():
        for sign, bound in ((1.0, limit.most), (-1.0, limit.least)):
            if bound is None:
                continue
            values = [
                sign * row["figures"][name] for row in good.values() if name in row["figures"]
            ]
            held = [row for row in spoilt if name in row["figures"]]
            beyond = [row for row in held if sign * row["figures"][name] > sign * bound]
            if not values:
                continue
            mildest = min((sign * row["figures"][name] for row in beyond), default=None)
            lines.append(
                {
                    "check": f"`{name}`",
                    "limit": f"{'at most' if sign > 0 else 'at least'} {bound:g}",
                    "nearest good joint": f"{sign * max(values):.3g}",
                    "mildest found": "–" if mildest is None else f"{sign * mildest:.3g}",
                    "found": len(beyond),
                    "found alone": sum(failures(row) == [name] for row in beyond),
                }
            )
    return lines


def main() -> None:
    """Segment, spoil, measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="Folder of segmented joints.")
    parser.add_argument("--spoil", default=",".join(SPOILT), help="Joints to spoil; '' for none.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    settings = Settings()
    run = Run(settings=settings, backend=load_backend(), models=load_models(None, settings))
    arguments.keep.mkdir(parents=True, exist_ok=True)
    findings = Findings(arguments.keep / "findings.json")
    chosen = arguments.spoil.split(",")
    for group, file in segmented(arguments.data, run, arguments.keep):
        if file.stem not in findings.rows and (joint := kept(file)) is not None:
            findings.add(file.stem, row_of(group, "", measured(joint, run)))
    for group, file in segmented(arguments.data, run, arguments.keep):
        if file.stem in chosen and (joint := kept(file)) is not None:
            _spoil(group, file.stem, joint, run, findings)
    _pairs(findings, arguments.keep)
    table = tables(findings.rows)
    print(f"\n{table}")
    if arguments.write:
        write_table("accuracy.md", "SELF-CHECKS", table)


def _pairs(findings: Findings, folder: Path) -> None:
    """What both joints of a head say of each other: as they are, exchanged, and one taken twice."""
    for name in [name for name, row in findings.rows.items() if name.endswith("-right")]:
        other = f"{name.removesuffix('right')}left"
        row, mate = findings.rows[name], findings.rows.get(other)
        files = [kept(folder / f"{joint}.npz") for joint in (name, other)] if mate else []
        if mate is None or None in files:
            continue
        places = [file.found.centre_mm_xyz for file in files if file is not None]
        # a joint that is implausible by itself has no volume to be compared
        volumes = [
            None if failures(r) else r["figures"].get("head_volume_mm3") for r in (row, mate)
        ]
        for found in (row, mate):
            found["figures"] |= _together(places, volumes)
        for kind, order in (("sides exchanged", (1, 0)), ("one joint found twice", (0, 0))):
            figures = _together([places[i] for i in order], [volumes[i] for i in order])
            spoilt = {**row_of(row["group"], kind, ""), "figures": figures}
            findings.add(f"{name}: {kind}", spoilt)


def _together(places: Sequence[Vector], volumes: Sequence[float | None]) -> dict[str, float]:
    right, left = (
        JointReport(side=side, status=Status.OK, head_centre_mm_xyz=place, head_volume_mm3=volume)
        for side, place, volume in zip(Side, places, volumes, strict=True)
    )
    return {c.name: c.value for c in check_pair(right, left) if c.value is not None}


def _spoil(group: str, name: str, joint: KeptJoint, run: Run, findings: Findings) -> None:
    """The joint spoilt in every way that was not tried yet."""
    for kind in (*SPOILING, GAS):
        key = f"{name}: {kind}"
        if key not in findings.rows and (other := _spoilt(joint, kind)) is not None:
            findings.add(key, row_of(group, kind, measured(other, run)))


def _spoilt(joint: KeptJoint, kind: str) -> KeptJoint | None:
    """The joint spoilt in one way; None where it cannot be."""
    if kind == GAS:
        network, ct = with_gas(joint.network, joint.ct)
        return replace(joint, network=network, ct=ct)
    images = SPOILING[kind](joint.network)
    if images is None:
        return None
    found = replace(joint.found, centre_mm_xyz=images.frame.centre_mm_xyz)
    return replace(joint, network=images, found=found)


if __name__ == "__main__":
    main()
