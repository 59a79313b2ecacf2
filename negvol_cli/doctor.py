"""Checks of whether negvol can work on this machine, and what to do where it cannot."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Final

from negvol_cli.bundle.bundle import Bundle, ModelSpec, load_bundle
from negvol_cli.bundle.store import Stored
from negvol_cli.errors import ModelError, NegvolError
from negvol_cli.inference import openvino_engine
from negvol_cli.inference.runtime import runtime
from negvol_cli.inference.session import open_session
from negvol_cli.memory import available_memory_mb
from negvol_cli.node.library import EXTRA, INSTALL
from negvol_cli.node.peer import Peer
from negvol_cli.settings import Device

ENOUGH_MEMORY_MB: Final = 2048
"""Twice the peak of a scan of 512 x 512 x 600 voxels (902 MiB, tests/robustness/big_scan.py)."""

PARTS: Final = (
    "numpy",
    "scipy",
    "scikit-image",
    "SimpleITK",
    "pykdtree",
    "pymeshlab",
    "trimesh",
)


class Level(StrEnum):
    """The result of a check. Only ``BROKEN`` keeps ``negvol run`` from working."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was checked, the result, and one sentence."""

    name: str
    level: Level
    text: str


def examine(
    bundle: Path | None = None, device: Device = Device.AUTO, peer: Peer | None = None
) -> tuple[Check, ...]:
    """Check everything that a run needs; a problem is a finding, never an exception.

    ``peer`` is asked whether it answers.
    """
    return (
        _versions(),
        _onnx_runtime(),
        _openvino(),
        *_networks(bundle, device),
        _mesh_library(),
        _memory(),
        _dicom_extra(),
        *(() if peer is None else (_peer(peer),)),
    )


def _versions() -> Check:
    found = [f"{name} {version}" for name in PARTS if (version := _version(name))]
    missing = [name for name in PARTS if not _version(name)]
    text = (
        f"negvol {_version('negvol') or 'not installed'}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()} ({platform.machine()}), {', '.join(found)}"
    )
    if missing:
        text += f"; missing: {', '.join(missing)} (install negvol again)"
    return Check("versions", Level.BROKEN if missing else Level.OK, text)


def _onnx_runtime() -> Check:
    """One distribution of ONNX Runtime, and it loads."""
    name = "onnx runtime"
    try:
        version = runtime().__version__
    except ModelError as err:
        return Check(name, Level.BROKEN, str(err))
    found = runtime_distributions()
    if len(found) > 1:
        return Check(
            name,
            Level.BROKEN,
            f"{' and '.join(found)} are installed over each other; uninstall all of them, then "
            "install the one you want (onnxruntime-gpu also runs without a GPU)",
        )
    return Check(name, Level.OK, f"{' '.join(found)} {version}")


def _openvino() -> Check:
    """OpenVINO loads; ONNX Runtime takes its place where it does not."""
    try:
        version = openvino_engine.version()
    except ModelError as err:
        text = f"{err}; until then ONNX Runtime takes its place, in nearly twice the time"
        return Check("openvino", Level.WARNING, text)
    return Check("openvino", Level.OK, f"openvino {version}")


def runtime_distributions() -> list[str]:
    """Return the installed distributions that provide ``onnxruntime``; there must be only one."""
    return sorted(set(metadata.packages_distributions().get("onnxruntime", ())))


def _networks(path: Path | None, device: Device) -> Iterator[Check]:
    try:
        bundle = load_bundle(path)
    except ModelError as err:
        yield Check("models", Level.BROKEN, str(err))
        return
    hashes = f"{len(bundle.models)} files with the right SHA-256"
    yield Check("models", Level.OK, f"{bundle.title} ({bundle.hash[:12]}), {hashes}")
    for model in bundle.models:
        yield _network(bundle, model, device)


def _network(bundle: Bundle, spec: ModelSpec, device: Device) -> Check:
    """Run one network once, which is the only proof that it runs."""
    try:
        predictor = open_session(bundle.read(spec), spec, device)
        start = time.perf_counter()
        predictor.warm_up()
        seconds = time.perf_counter() - start
    except ModelError as err:
        return Check(spec.file, Level.BROKEN, str(err))
    text = f"ran on {predictor.provider} in {seconds:.2f} s ({predictor.engine})"
    if predictor.why_not_gpu:
        text += f"; not on a GPU: {predictor.why_not_gpu}"
    if predictor.why_not_openvino:
        text += f"; {predictor.why_not_openvino}"
    return Check(spec.file, Level.OK, text)


def try_networks(stored: Stored) -> Stored:
    """Return the same bundle, marked unusable if one of its networks does not run on the CPU."""
    if stored.bundle is None:
        return stored
    for model in stored.bundle.models:
        check = _network(stored.bundle, model, Device.CPU)
        if check.level is Level.BROKEN:
            return replace(stored, trouble=check.text)
    return stored


def _mesh_library() -> Check:
    from negvol_cli.mesh.backend import load_backend

    backend = load_backend()
    if backend.why:
        return Check("meshes", Level.WARNING, backend.why)
    return Check("meshes", Level.OK, f"{backend.name} loads and has every filter that is needed")


def _memory() -> Check:
    available = available_memory_mb()
    if available < ENOUGH_MEMORY_MB:
        return Check(
            "memory",
            Level.WARNING,
            f"{available:.0f} MiB are free, and a large scan can take {ENOUGH_MEMORY_MB} MiB; "
            "close other programs",
        )
    return Check("memory", Level.OK, f"{available:.0f} MiB are free")


def _dicom_extra() -> Check:
    """What --dicom-out, 'send' and 'node' need beside the rest."""
    missing = [name for name in EXTRA if not _version(name)]
    if missing:
        text = f"{' and '.join(missing)} not installed, for --dicom-out, send and node: {INSTALL}"
        return Check("dicom extra", Level.WARNING, text)
    return Check("dicom extra", Level.OK, ", ".join(f"{n} {_version(n)}" for n in EXTRA))


def _peer(peer: Peer) -> Check:
    """Whether another DICOM node answers a C-ECHO."""
    start = time.perf_counter()
    try:
        peer.verify()
    except NegvolError as err:
        return Check("dicom node", Level.BROKEN, str(err))
    seconds = time.perf_counter() - start
    return Check("dicom node", Level.OK, f"{peer.address} answers (C-ECHO, {seconds:.2f} s)")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
