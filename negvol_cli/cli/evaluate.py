"""``negvol eval``: compare a segmentation with a reference."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options
from negvol_cli.cli.printing import say


@click.command("eval", short_help="Compare a segmentation with a reference.")
@click.argument("prediction", type=options.PATH)
@click.argument("reference", type=options.PATH)
@click.option(
    "--tolerance-mm",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Distance within which two surfaces count as equal (surface Dice).",
)
@options.as_json
def evaluate(*, prediction: Path, reference: Path, tolerance_mm: float, as_json: bool) -> None:
    """Compare the label map PREDICTION with REFERENCE, label by label.

    An undefined value is shown as a dash (null in JSON): every value of a label that is in neither
    map, and the distances of a label that is in only one of them.
    """
    from negvol_cli.cli.evaluation_text import as_dict, as_rows
    from negvol_cli.evaluation.label_maps import evaluate_labels

    found = evaluate_labels(prediction, reference, tolerance_mm=tolerance_mm)
    if as_json:
        options.print_json(as_dict(found))
        return
    options.print_columns(as_rows(found))
    for flag in found.flags:
        say(f"Warning: {flag}", err=True)
