"""Bundles of models as text, and as plain values for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from negvol_cli.bundle.manifest import Accuracy, ModelSpec
from negvol_cli.bundle.store import Stored


def stored_as_text(stored: Stored) -> str:
    """A few lines: name, place, networks, accuracy; or what is wrong."""
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


def stored_as_dict(stored: Stored) -> dict[str, Any]:
    """The same and the sources, as plain values."""
    bundle = stored.bundle
    return {
        "path": str(stored.path),
        "usable": not stored.trouble,
        "trouble": stored.trouble or None,
        "hash": bundle.hash if bundle else None,
        "manifest": asdict(bundle.manifest) if bundle else None,
    }


def _network(model: ModelSpec) -> str:
    size = " x ".join(map(str, model.size_zyx))
    channels = " and ".join(model.channels).replace("_", " ")
    return f"{model.role}: {channels}, {size} voxels of {model.spacing_mm:g} mm ({model.file})"


def _accuracy(accuracy: Accuracy) -> str:
    value = f"{accuracy.value:g} {accuracy.unit}".strip()
    return f"{accuracy.measure} of {accuracy.of.replace('_', ' ')}: {value} ({accuracy.how})"
