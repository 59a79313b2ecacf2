"""What a whole run needs besides the scan: the models, the settings and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from negvol_cli.bundle.bundle import Bundle, open_bundle
from negvol_cli.inference.predictor import Predictor
from negvol_cli.inference.session import open_session
from negvol_cli.memory import share_arenas
from negvol_cli.mesh.backend import MeshBackend
from negvol_cli.settings import Settings
from negvol_cli.threads import Begun
from negvol_cli.timing import Stopwatch

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Models:
    """The networks of a bundle, loaded once for any number of scans."""

    bundle: Bundle
    localiser: Predictor
    segmenters: tuple[Predictor, ...]

    @property
    def provider(self) -> str:
        """Where the networks really run and, if not on a GPU, why."""
        used = sorted({p.provider for p in (self.localiser, *self.segmenters)})
        why = self.localiser.why_not_gpu
        return " and ".join(used) + (f" ({why})" if why else "")

    @property
    def engine(self) -> str:
        """What runs the networks and, if not OpenVINO on the CPU, why."""
        networks = (self.localiser, *self.segmenters)
        used = sorted({network.engine for network in networks})
        whys = sorted({network.why_not_openvino for network in networks} - {""})
        return " and ".join(used) + (f" ({'; '.join(whys)})" if whys else "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What a whole run needs besides the scan; ``models`` is None if only labels are measured.

    ``begins`` is called once the joints of a CT have been found, before they are measured.
    ``shows`` is called with the ``JointView`` of each as soon as there is one, before the joint has
    been checked, in the joint's own thread; what it returns, once it has been.
    """

    settings: Settings
    backend: MeshBackend
    models: Models | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)
    progress: Progress = lambda _step, _done: None
    begins: Callable[[], object] = lambda: None
    shows: Callable[[Any], Callable[[], object]] = lambda _view: lambda: None

    def networks(self) -> Models:
        """The models. Raises ValueError where the run has none."""
        if self.models is None:
            raise ValueError("this run has no models, and a CT cannot be measured without")
        return self.models


def load_models(path: Path | None, settings: Settings) -> Models:
    """Load the networks of the bundle at ``path`` (None: the default one).

    From then on all threads of the process share their free memory (``share_arenas``).

    Raises
    ------
    ModelError
        The bundle or a network is unusable.
    DeviceError
        The requested device cannot run a network.
    """
    share_arenas()
    bundle = open_bundle(path)  # of which all networks are read here
    start = partial(open_session, device=settings.device, threads=settings.threads)
    return Models(
        bundle,
        start(bundle.read(bundle.localiser), bundle.localiser),
        tuple(start(bundle.read(spec), spec) for spec in bundle.segmenters),
    )


def begin_models(path: Path | None, settings: Settings, watch: Stopwatch) -> Begun[Models]:
    """Begin with ``load_models`` in a thread; ``watch`` times it as "load models"."""

    def load() -> Models:
        with watch.step("load models"):
            return load_models(path, settings)

    return Begun(load, "negvol-models")
