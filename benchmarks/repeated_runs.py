"""``negvol run`` again and again on one head: its figures each time, kept from run to run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.intervals import grounds_of_basis, halves_from
from negvol_cli.errors import NegvolError
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.image import Scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import measure_ct
from negvol_cli.report import JointReport
from negvol_cli.run import Models, Run
from negvol_cli.settings import ClipSettings, Settings
from negvol_cli.steps.uncertainty import asymmetry_points
from negvol_cli.structures import Side

VOLUMES: Final = ("nv_mm3", "articular_nv_mm3", "head_volume_mm3")
WAYS: Final = ("superior", "anterior", "posterior")
CLIPS_MM: Final = {"sharp-base": 19.0}
"""Of heads whose field of view ends within the usual sphere: one that was scanned whole."""
Found = dict[str, Any]
"""Of one run: ``asymmetry`` (signed, per cent) with half its interval, ``asymmetry_half`` (points),
and, by side, status, flags, figures and half of each figure's interval, ``halves``."""


def settings_for(head: str) -> Settings:
    """The usual settings, but for a measurement sphere that the head's scan holds."""
    usual = Settings()
    width_mm = CLIPS_MM.get(head, usual.clip.width_mm)
    return replace(usual, clip=ClipSettings(width_mm=width_mm))


class Runs:
    """The runs made so far; with a file, those of earlier calls too."""

    def __init__(self, models: Callable[[], Models], keep: Path | None) -> None:
        """``models`` is called when the first run has to be made."""
        self._load, self._keep = models, keep
        self._models: Models | None = None
        self._known: dict[str, Found] = {}
        if keep is not None and keep.exists():
            for line in keep.read_text(encoding="utf-8").splitlines():
                self._known.update(json.loads(line))

    def of(
        self,
        key: str,
        scan: Scan,
        change: Callable[[Volume], Volume],
        settings: Settings | None = None,
    ) -> Found:
        """What the changed scan gives, from the file where ``key`` was run before."""
        if key not in self._known:
            self._models = self._models or self._load()
            changed = replace(scan, volume=change(scan.volume))
            self._known[key] = run_of(changed, self._models, settings or Settings())
            if self._keep is not None:
                with self._keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({key: self._known[key]}) + "\n")
            print(f"{key}: {line_of(self._known[key])}", flush=True)
        return self._known[key]


def run_of(scan: Scan, models: Models, settings: Settings) -> Found:
    """The figures of both joints of a scan, or why there are none."""
    try:
        run = Run(settings=settings, backend=load_backend(), models=models)
        measured = measure_ct(scan, (), run)
    except NegvolError as err:
        return {"refused": str(err)}
    except (LookupError, ValueError) as err:
        return {"refused": f"crashed: {err!r}"}
    report = measured.report
    found: Found = {str(side): joint_of(report.joint(side)) for side in Side}
    for side, view in measured.views.items():
        half_mm = settings.clip.width_mm / 2
        found[str(side)]["grounds"] = grounds_of_basis(view.geometry, view.basis, half_mm)
    found["asymmetry"] = 100 * report.nv_asymmetry.signed if report.nv_asymmetry else None
    found["asymmetry_half"] = report.nv_asymmetry_points
    found["flags"] = list(report.flags)
    return found


def joint_of(joint: JointReport) -> dict[str, Any]:
    """One joint's status, flags, volumes in mm³, joint spaces in mm, and half the intervals."""
    space, halves = joint.joint_space_mm, joint.uncertainty
    found: dict[str, Any] = {"status": joint.status_text, "flags": list(joint.flags)}
    found |= {name: getattr(joint, name) for name in VOLUMES}
    found |= {way: getattr(space, way, None) for way in WAYS}
    if halves is not None:
        found["halves"] = {name: getattr(halves, name) for name in VOLUMES}
        found["halves"] |= {way: getattr(halves.joint_space_mm, way) for way in WAYS}
    return found


def halves_now(run: Found) -> Found:
    """The run with half of each interval by today's constants, from what was kept of it."""
    again = dict(run)
    for side in map(str, Side):
        joint = run.get(side, {})
        if joint.get("halves") and joint.get("grounds"):
            half = halves_from(joint["grounds"])
            halves = {name: getattr(half, name) for name in VOLUMES}
            halves |= {way: getattr(half.joint_space_mm, way) for way in WAYS}
            again[side] = joint | {"halves": halves}
    if run.get("asymmetry") is not None:
        left, right = (
            (again[str(side)]["nv_mm3"], again[str(side)]["halves"]["nv_mm3"])
            for side in (Side.LEFT, Side.RIGHT)
        )
        again["asymmetry_half"] = asymmetry_points(left, right)
    return again


def figure(run: Found, side: Side, name: str) -> float | None:
    """One figure of a joint that is ok; None for any other."""
    joint = run.get(str(side))
    if joint is None or joint["status"] != "ok":
        return None
    value = joint[name]
    return None if value is None else float(value)


def line_of(run: Found) -> str:
    """A run in one line."""
    if "refused" in run:
        return str(run["refused"])
    cells = []
    for side in Side:
        nv, space = figure(run, side, "nv_mm3"), figure(run, side, "superior")
        status = run[str(side)]["status"]
        said = status if nv is None else f"NV {nv:.0f}, superior {space or float('nan'):.2f}"
        cells.append(f"{side} {said}")
    return "; ".join(cells)
