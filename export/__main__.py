"""``python -m export bundle``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from export.bundle import write_bundle
from training.config import load_experiment


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Turn trained networks into bundles."""


@main.command("bundle")
@click.option("--localiser", default="training/configs/localiser.toml", type=Path)
@click.option("--segmenter", default="training/configs/segmenter.toml", type=Path)
@click.option("--runs", default="runs", show_default=True, type=Path)
@click.option("--out", default="negvol_cli/bundle/default", show_default=True, type=Path)
@click.option("--name", default="default", show_default=True)
@click.option("--version", default="0.1.0", show_default=True)
@click.option("--half", is_flag=True, help="Networks in half precision, for GPUs.")
def bundle_command(
    *, localiser: Path, segmenter: Path, runs: Path, out: Path, name: str, version: str, half: bool
) -> None:
    """Write the bundle of the final networks of two experiments, already trained and judged."""
    experiments = {
        "localiser": load_experiment(localiser),
        "segmenter": load_experiment(segmenter),
    }
    write_bundle(experiments, runs, out, name=name, version=version, half=half)
    click.echo(f"wrote {out / 'bundle.toml'}")


if __name__ == "__main__":
    sys.exit(main())
