"""Where an experiment's data come from: a pack, a dataset, or the project's own folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from training.config import ConfigError, DataConfig
from training.data.dataset_toml import dataset_at, dataset_of
from training.data.edges import with_refined_edges
from training.data.head_pack import read_head_pack
from training.data.heads import HeadSample, draw_phantom_heads, load_heads, phantom_heads
from training.data.joints import JointSample, load_joints
from training.data.label_maps import label_map_joints
from training.data.negative_volume import with_negative_volume
from training.data.pack import edges_in_pack, label_maps_in_pack, read_pack
from training.data.pack_file import Kind, folds_in_pack, heads_in_pack
from training.data.phantoms import draw_phantoms, phantom_joints


def real_joints(data: DataConfig, kept: Path | None = None) -> list[JointSample]:
    """Every annotated joint, its labels those that ``data.object`` asks for.

    ``kept`` is where measured negative volumes are kept. Raises ConfigError.
    """
    return _real(data.pack, data.dataset, data.folder, (data.object == "nv", data.edges), kept)


def real_heads(data: DataConfig) -> list[HeadSample]:
    """Every scan with both joints annotated, at 4 mm, for the localiser. Raises ConfigError."""
    return read_head_pack(Path(data.pack)) if data.pack else load_heads(dataset_of(data))


def made_joints(
    data: DataConfig, seed: int, kept: Path | None = None
) -> tuple[list[JointSample], list[JointSample]]:
    """Phantom joints, and those of the label maps, as far as the experiment asks for them."""
    phantoms = phantom_joints(data.phantoms, seed, kept) if data.phantoms else []
    maps = _label_maps(data) if data.label_maps else []
    if data.object == "nv":
        phantoms, maps = (
            [with_negative_volume(j, kept) for j in some] for some in (phantoms, maps)
        )
    return phantoms, maps


def prepare(data: DataConfig, seed: int, kept: Path) -> None:
    """Make what is kept, so that trainings side by side find it and none of their time goes there.

    That is phantoms, measured negative volumes and refined edges. Raises ConfigError.
    """
    if data.object == "heads":
        draw_phantom_heads(data.phantoms, seed, kept)
        phantom_heads(data.phantoms, seed, kept)
        return
    real_joints(data, kept)
    draw_phantoms(data.phantoms, seed, kept)
    made_joints(data, seed, kept)


def heads_of_data(data: DataConfig) -> list[str]:
    """The heads (patients) that there are to learn from and to hold out, in order."""
    if data.pack:
        return heads_in_pack(Path(data.pack), _kind(data))
    cases = dataset_of(data).cases
    if data.object == "heads":
        return sorted({case.patient for case in cases if len(case.joints) == 2})
    return sorted({case.patient for case in cases if case.drawn})


def folds_of_data(data: DataConfig) -> tuple[tuple[str, ...], ...]:
    """The heads that the data themselves hold out, fold by fold; empty where they do not say."""
    if data.pack:
        return folds_in_pack(Path(data.pack), _kind(data))
    return dataset_of(data).folds()


def _kind(data: DataConfig) -> Kind:
    """What an experiment's pack must hold."""
    return "heads" if data.object == "heads" else "joints"


def _label_maps(data: DataConfig) -> list[JointSample]:
    if data.pack:
        return label_maps_in_pack(Path(data.pack))
    return label_map_joints(Path(data.folder) / "labelmaps")


@lru_cache(maxsize=1)
def _real(
    pack: str, dataset: str, folder: str, wanted: tuple[bool, str], kept: Path | None
) -> list[JointSample]:
    """Read once for all folds of an experiment; ``wanted`` is whether NV, and which edges."""
    volumes, edges = wanted
    packed = edges_in_pack(Path(pack)) if pack else "drawn"
    if packed == "refined" and edges == "drawn":
        raise ConfigError(
            f"{pack} holds labels at refined edges, but data.edges is 'drawn': pack it again with "
            "--edges drawn"
        )
    if pack and packed == edges:
        return read_pack(Path(pack), volumes=volumes)
    joints = read_pack(Path(pack)) if pack else load_joints(dataset_at(dataset, folder))
    if edges == "refined":
        joints = [with_refined_edges(joint, kept) for joint in joints]
    return [with_negative_volume(joint, kept) for joint in joints] if volumes else joints
