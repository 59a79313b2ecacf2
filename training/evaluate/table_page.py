"""The page that shows the paper's table beside what was measured here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from training.config import Experiment
from training.evaluate.cells import OBJECTS, PAPER, ROWS, Cell, TableRun, load_cells
from training.evaluate.scores import Summary
from training.loop.progress import LOSS_FILE, frames_seen

WHERE: Final = ("folder", "dataset", "pack")
"""Keys of ``[data]`` that say where the data lie, not what they are."""


def page(cells: Sequence[Cell], runs: Path, run: TableRun) -> str:
    """The markdown page about the cells that are done."""
    lines = [*_heading(run), *_conditions(cells, runs, run), "", *_rules("Dice", "CE", "HD")]
    by_place = {(cell.row, cell.object): cell for cell in cells}
    for row, title in ROWS.items():
        texts = [_cell(by_place.get((row, name)), row, name) for name in OBJECTS]
        lines.append(f"| {title} | " + " | ".join(texts) + " |")
    found = [
        f"{OBJECTS[c.object]} by {ROWS[c.row]}: {c.summaries['hd_mm'].infinite} of "
        f"{c.summaries['hd_mm'].joints}"
        for c in cells
        if c.summaries["hd_mm"].infinite
    ]
    if found:
        lines += ["", "Joints where nothing was found (Dice 0, not in the mean HD): "]
        lines[-1] += "; ".join(found) + "."
    lines += ["", "IoU in per cent and HD95 in mm:", ""]
    lines += _rules("IoU", "HD95")
    for row, title in ROWS.items():
        texts = [_second(by_place.get((row, name))) for name in OBJECTS]
        lines.append(f"| {title} | " + " | ".join(texts) + " |")
    if any(len(cell.dice) > 1 for cell in cells):
        lines += ["", "Mean Dice in per cent, fold by fold:", "", *_rules("")]
        for row, title in ROWS.items():
            texts = [_by_fold(by_place.get((row, name))) for name in OBJECTS]
            lines.append(f"| {title} | " + " | ".join(texts) + " |")
    return "\n".join(lines) + "\n"


def _heading(run: TableRun) -> list[str]:
    return [
        "# The paper's table on open data",
        "",
        f"Made by `{run.command}`. Left out heads only, both joints of a head in the same fold; "
        "mean ± sample standard deviation over joints. Dice in per cent, CE in nats per voxel, HD "
        "(Hausdorff distance) in voxels of 0.4 mm, in brackets in mm. In italics the paper's own "
        "figure for the best network per object (Belikova et al., Sci Rep 11:16292, Table 1); it "
        "measured other patients, so the two cannot be compared figure by figure.",
        "",
    ]


def _rules(*measures: str) -> list[str]:
    """The head of a table with so many measures of each object."""
    titles = [f"{name} {measure}".strip() for name in OBJECTS.values() for measure in measures]
    return [
        "| network and loss | " + " | ".join(titles) + " |",
        "|---" + "|---:" * len(titles) + "|",
    ]


def _conditions(cells: Sequence[Cell], runs: Path, run: TableRun) -> list[str]:
    """What was done and how it differs from the paper, from the configs themselves."""
    full, ours = load_cells(TableRun()), load_cells(run)
    here = next(iter(ours.values()))
    last = f"{run.minutes:g} minutes" if run.minutes else f"{here.train.steps} steps"
    if run.within:
        last = f"at most {last} and {run.within:g} minutes"
    elif here.train.patience:
        last = f"at most {last}"
    added = f", {here.data.phantoms} phantoms added" if here.data.phantoms else ""
    lines = [
        "What differs from the paper in the data: seven open head CT (14 joints), semi-automatic "
        "reference labels, NV as negvol's own measure on those labels (not drawn as balls by "
        "hand); there, patients of one clinic with experts' contours.",
        "",
        f"Training: frames of {_size(here.data.size_zyx)} voxels (x, y, z) at "
        f"{here.data.spacing_mm:g} mm, patches of {_size(here.data.patch_zyx)}, {last} with "
        f"{here.train.batch} image(s) a step, Adam at {here.train.learning_rate:g}, "
        f"{_folds(here, run)}{added}. {_seen(cells, runs)}",
    ]
    changes = sorted({c for key in ours for c in _changes(full[key], ours[key])})
    if changes:
        lines += [
            "",
            "**Reduced**, every key that differs from the full configs in `training/configs/` "
            f"(their value in brackets): {'; '.join(changes)}. Networks trained this briefly are "
            "far from what they can reach: differences between the rows may not hold.",
        ]
    taken = sum(_seconds(runs / c.experiment.name) for c in cells)
    lines += [
        "",
        f"{len(cells)} of {len(full)} cells are done, in {taken / 60:.0f} minutes of steps.",
    ]
    return lines


def _changes(full: Experiment, ours: Experiment) -> Iterator[str]:
    """Each key that differs, as ``table.key`` value (value in the full config)."""
    for table in ("network", "data", "train", "augment", "folds"):
        before, after = (getattr(e, table).model_dump() for e in (full, ours))
        for key, value in after.items():
            if value != before[key] and key not in WHERE:
                yield f"`{table}.{key}` {_plain(value)} ({_plain(before[key])})"


def _plain(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _folds(experiment: Experiment, run: TableRun) -> str:
    folds = experiment.folds
    count = folds.count or len(folds.held_out)
    dealt = f"{count} folds" if run.folds is None else f"the first {run.folds} of {count} folds"
    if not experiment.train.patience:
        return f"{dealt}, no early stopping"
    return (
        f"{dealt}, early stopping by {folds.validation} of the training heads (patience "
        f"{experiment.train.patience} looks {experiment.train.validate_every} steps apart, delta "
        f"{experiment.train.delta:g})"
    )


def _seen(cells: Sequence[Cell], runs: Path) -> str:
    """How many frames the networks have learnt from, from their records."""
    seen = {
        f"{OBJECTS[c.object]} by {ROWS[c.row]}": min(counts)
        for c in cells
        if (counts := frames_seen(runs / c.experiment.name, c.experiment.train.batch))
    }
    if not seen:
        return ""
    least, most = min(seen.values()), max(seen.values())
    if least == most:
        return f"Each network has learnt from {least} frames."
    fewest = min(seen, key=lambda name: seen[name])
    return f"The networks have learnt from {least} ({fewest}) to {most} frames."


def _size(size_zyx: tuple[int, int, int]) -> str:
    return " × ".join(str(n) for n in reversed(size_zyx))


def _seconds(folder: Path) -> float:
    """Seconds of steps that an experiment's folds took, from their records."""
    total = 0.0
    for path in folder.glob(f"*/{LOSS_FILE}"):
        before = 0
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            cells = line.split(",")
            total += (int(cells[0]) - before) * float(cells[-1])
            before = int(cells[0])
    return total


def _cell(cell: Cell | None, row: str, name: str) -> str:
    theirs = PAPER.get((row, name))
    dice, hd = (f" *{text}*" for text in theirs) if theirs else ("", "")
    if cell is None:
        return f"-{dice} | - | -{hd}"
    s = cell.summaries
    ours = f"{s['hd_voxels'].mean:.1f} ± {s['hd_voxels'].sd:.1f} ({s['hd_mm'].mean:.1f})"
    ce = f"{s['ce'].mean:.3f} ± {s['ce'].sd:.3f}"
    return f"{percent(s['dice'])}{dice} | {ce} | {ours}{hd}"


def _second(cell: Cell | None) -> str:
    if cell is None:
        return "- | -"
    hd95 = cell.summaries["hd95_mm"]
    return f"{percent(cell.summaries['iou'])} | {hd95.mean:.1f} ± {hd95.sd:.1f}"


def _by_fold(cell: Cell | None) -> str:
    return " / ".join(f"{100 * dice:.1f}" for dice in cell.dice) if cell else "-"


def percent(summary: Summary) -> str:
    """Mean ± standard deviation, in per cent."""
    return f"{100 * summary.mean:.1f} ± {100 * summary.sd:.1f}"
