"""``negvol eval``: a segmentation against a reference."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options


@click.command("eval", short_help="Compare a segmentation with a reference.")
@click.argument("prediction", type=options.PATH)
@click.argument("reference", type=options.PATH)
@click.option(
    "--tolerance-mm",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Up to this distance, surfaces agree (surface Dice).",
)
@options.as_json
def evaluate(*, prediction: Path, reference: Path, tolerance_mm: float, as_json: bool) -> None:
    """Compare the label map PREDICTION with REFERENCE, label by label.

    A figure that cannot be had is a dash (null in JSON): every one where a label is in neither
    map, the distances where it is in one of them only.
    """
    from negvol_cli.cli.evaluation_text import as_dict, as_rows
    from negvol_cli.evaluation.label_maps import evaluate_labels

    found = evaluate_labels(prediction, reference, tolerance_mm=tolerance_mm)
    if as_json:
        options.print_json(as_dict(found))
        return
    options.print_columns(as_rows(found))
    for flag in found.flags:
        click.echo(f"Beware: {flag}", err=True)
