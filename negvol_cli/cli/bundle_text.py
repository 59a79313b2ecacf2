"""Bundles of models as text, and as plain values for JSON."""

from __future__ import annotations

from typing import Any, Final

from negvol_cli.bundle.manifest import Accuracy, ModelSpec
from negvol_cli.bundle.store import Stored

_DECIMALS: Final = {"mm": 1, "percent": 1}


def stored_as_text(stored: Stored) -> str:
    """Describe a bundle in a few lines: name, place, networks, accuracy; or what is wrong."""
    if stored.bundle is None:
        return f"{stored.path.name}  unusable: {stored.trouble}"
    manifest = stored.bundle.manifest
    lines = [
        f"{manifest.title}  {manifest.licence}  sha256 {stored.bundle.hash[:12]}  {stored.path}",
        *(f"  {_network(model)}" for model in manifest.models),
        *(f"  {_accuracy(accuracy)}" for accuracy in manifest.accuracy),
    ]
    if stored.trouble:
        lines.append(f"  unusable: {stored.trouble}")
    return "\n".join(lines)


def verdict(stored: Stored) -> str:
    """Say in one line whether a bundle was verified, and what was checked."""
    name = stored.path.name if stored.bundle is None else stored.bundle.title
    if stored.bundle is None or stored.trouble:
        return f"{name}: FAILED: {stored.trouble}"
    files = " and ".join(model.file for model in stored.bundle.models)
    return f"{name}: ok: {files} match their SHA-256 and run on the CPU"


def stored_as_dict(stored: Stored) -> dict[str, Any]:
    """Return the whole manifest and whether the bundle is usable, as plain values."""
    bundle = stored.bundle
    return {
        "path": str(stored.path),
        "usable": not stored.trouble,
        "trouble": stored.trouble or None,
        "hash": bundle.hash if bundle else None,
        "manifest": bundle.manifest.model_dump(mode="json") if bundle else None,
    }


def rounded(accuracy: Accuracy) -> str:
    """Return a measured accuracy with its unit, to the decimals that mean something."""
    return f"{accuracy.value:.{_DECIMALS.get(accuracy.unit, 3)}f} {accuracy.unit}".strip()


def _network(model: ModelSpec) -> str:
    size = " x ".join(map(str, model.size_zyx))
    channels = " and ".join(model.channels).replace("_", " ")
    return f"{model.role}: {channels}, {size} voxels of {model.spacing_mm:g} mm ({model.file})"


def _accuracy(accuracy: Accuracy) -> str:
    of = accuracy.of.replace("_", " ")
    return f"{accuracy.measure} of {of}: {rounded(accuracy)} ({accuracy.how})"
