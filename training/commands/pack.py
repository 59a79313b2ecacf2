"""``python -m training pack``."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import explained, say


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
@click.option("--without-nv", is_flag=True, help="Do not measure NV: no training on NV then.")
@explained
def pack(data: Path, dataset: Path | None, out: Path, without_nv: bool) -> None:
    """Put every annotated joint, not the scans, into one file to train on elsewhere."""
    from training.data.dataset_check import require_sound
    from training.data.dataset_toml import dataset_at
    from training.data.joints import load_joints
    from training.data.negative_volume import with_negative_volume
    from training.data.pack import write_pack

    described = dataset_at(str(dataset or ""), str(data))
    if dataset:
        require_sound(described)
    joints = load_joints(described)
    volumes = None if without_nv else [with_negative_volume(joint) for joint in joints]
    size = write_pack(joints, out, volumes, described.folds())
    say(f"{len(joints)} joints, {size / 1e6:.1f} MB: {out}")
