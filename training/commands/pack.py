"""``python -m training pack``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from training.commands.options import explained, say

if TYPE_CHECKING:
    from training.data.pack import Edges


@click.command("pack")
@click.option(
    "--data",
    default="../shared/data",
    show_default=True,
    type=click.Path(path_type=Path),
    help="A folder in the project's own layout.",
)
@click.option(
    "--dataset", type=click.Path(path_type=Path), help="A dataset.toml of your own, instead."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option("--heads", is_flag=True, help="Whole heads at 4 mm, to train the localiser on.")
@click.option("--without-nv", is_flag=True, help="Do not measure NV: no training on NV then.")
@click.option("--label-maps", is_flag=True, help="Add the anatomies in DATA/labelmaps.")
@click.option(
    "--edges",
    type=click.Choice(["refined", "drawn"]),
    default="refined",
    show_default=True,
    help="Where labels end: moved to the product's own edges, or as they were drawn.",
)
@explained
def pack(
    *,
    data: Path,
    dataset: Path | None,
    out: Path,
    heads: bool,
    without_nv: bool,
    label_maps: bool,
    edges: Edges,
) -> None:
    """Put every annotated joint, or every head, into one file to train on without the scans."""
    from training.data.dataset_check import require_sound
    from training.data.dataset_toml import dataset_at
    from training.data.edges import with_refined_edges
    from training.data.head_pack import write_head_pack
    from training.data.heads import load_heads
    from training.data.joints import load_joints
    from training.data.label_maps import label_map_joints
    from training.data.negative_volume import with_negative_volume
    from training.data.pack import write_pack

    described = dataset_at(str(dataset or ""), str(data))
    if dataset:
        require_sound(described)
    if heads:
        found = load_heads(described)
        size = write_head_pack(found, out, described.folds())
        say(f"{len(found)} heads, {size / 1e6:.1f} MB: {out}")
        return
    joints = load_joints(described)
    if edges == "refined":
        joints = [with_refined_edges(joint) for joint in joints]
    volumes = None if without_nv else [with_negative_volume(joint) for joint in joints]
    maps = label_map_joints(data / "labelmaps") if label_maps else []
    size = write_pack([*joints, *maps], out, volumes, described.folds(), edges)
    bare = f"{len(maps)} anatomies without a scan, " if maps else ""
    say(f"{len(joints)} joints, {bare}{size / 1e6:.1f} MB: {out}")
