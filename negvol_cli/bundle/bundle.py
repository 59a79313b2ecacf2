"""A bundle of models: a folder or zip file with ``bundle.toml`` and ONNX files, checked by hash.

The schema of ``bundle.toml`` is in ``negvol_cli.bundle.manifest``. Nothing is unpickled or
downloaded, and no byte of a model is used before its hash has been compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from negvol_cli.bundle.archive import BundleFiles, open_files
from negvol_cli.bundle.manifest import (
    MANIFEST_NAME,
    Accuracy,
    Manifest,
    ModelSpec,
    Role,
    Source,
    parse_manifest,
)
from negvol_cli.bundle.network_check import check_network
from negvol_cli.errors import ModelError

__all__ = [
    "DEFAULT_BUNDLE",
    "Accuracy",
    "Bundle",
    "Manifest",
    "ModelSpec",
    "Role",
    "Source",
    "load_bundle",
    "open_bundle",
]

DEFAULT_BUNDLE: Final = Path(__file__).parent / "default"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Networks that belong together, with their manifest.

    ``hash`` is the SHA-256 of the manifest, which contains those of the files: two bundles with the
    same hash have the same networks.
    """

    path: Path
    manifest: Manifest
    hash: str
    files: BundleFiles = field(repr=False, compare=False)

    @property
    def title(self) -> str:
        """The name and version, as in reports."""
        return self.manifest.title

    @property
    def stamp(self) -> str:
        """The title and the start of the hash, by which a result names its networks."""
        return f"{self.title} ({self.hash[:12]})"

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """All networks, in the order of the manifest."""
        return self.manifest.models

    @property
    def localiser(self) -> ModelSpec:
        """The network that finds both joints in a whole scan."""
        return next(model for model in self.models if model.role is Role.LOCALISER)

    @property
    def segmenters(self) -> tuple[ModelSpec, ...]:
        """The networks that see a joint frame: one for both bones, or one for each."""
        return tuple(model for model in self.models if model.role is Role.SEGMENTER)

    def read(self, model: ModelSpec) -> bytes:
        """Return the ONNX file of a network.

        Raises
        ------
        ModelError
            Its hash is wrong, or it is no plain network (see ``network_check``).
        """
        content = self.files.read(model.file)
        if hashlib.sha256(content).hexdigest() != model.sha256:
            raise ModelError(
                f"{model.file} in {self.path} is not the file that the bundle was made with "
                "(its SHA-256 differs); get the bundle again"
            )
        check_network(content, f"{model.file} in {self.path}")
        return content


def load_bundle(path: Path | None = None) -> Bundle:
    """Load the bundle at ``path`` (folder or zip file), or the default one, and check its hashes.

    Raises
    ------
    ModelError
        The bundle is missing or damaged, or its manifest is not valid.
    """
    bundle = open_bundle(path)
    for model in bundle.models:
        bundle.read(model)
    return bundle


def open_bundle(path: Path | None = None) -> Bundle:
    """As ``load_bundle``, with each network's hash checked only where it is read."""
    path = DEFAULT_BUNDLE if path is None else path
    files = open_files(path)
    content = files.read(MANIFEST_NAME)
    manifest = parse_manifest(content, f"{MANIFEST_NAME} of {path}")
    return Bundle(path, manifest, hashlib.sha256(content).hexdigest(), files)
