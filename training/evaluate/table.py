"""The paper's Table 1 on the data at hand: five networks and losses, three objects, k folds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from training.config import Experiment, load_experiment
from training.evaluate.crossval import cross_validate
from training.evaluate.scores import Summary
from training.loop.progress import LOSS_FILE

CONFIGS: Final = Path(__file__).parents[1] / "configs"
REDUCED: Final = CONFIGS / "base" / "reduced.toml"
OBJECTS: Final = {"mc": "MC", "tb": "TB", "nv": "NV"}
ROWS: Final = {
    "u-net": "3D U-Net",
    "attention-u-net": "3D U-Net + attention",
    "v-net-ce": "V-Net CE",
    "v-net-dice": "V-Net D",
    "v-net-dice-ce": "V-Net D+CE",
}
PAPER: Final = {
    ("v-net-dice-ce", "mc"): ("91.4 ± 4.8", "10.5"),
    ("v-net-dice", "tb"): ("76.7 ± 6.8", "28.3"),
    ("v-net-dice", "nv"): ("78.2 ± 8.3", "18.3"),
}
"""Dice in per cent and HD in voxels of 0.4 mm, of Belikova et al., Table 1: the best per object."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One network and loss on one object, and what became of it."""

    row: str
    object: str
    experiment: Experiment
    summaries: dict[str, Summary]


def load_cells(reduced: bool) -> dict[tuple[str, str], Experiment]:
    """The experiments of the table, row by row; ``reduced`` for a machine without a GPU."""
    cells = {}
    for row in ROWS:
        for name in OBJECTS:
            experiment = load_experiment(
                CONFIGS / f"{name}-{row}.toml", REDUCED if reduced else None
            )
            if reduced:
                experiment = replace(experiment, name=f"{experiment.name}-reduced")
            cells[row, name] = experiment
    return cells


def make_table(runs: Path, out: Path, reduced: bool, say: Callable[[str], None]) -> None:
    """Train and judge every cell below ``runs`` and write the table so far after each."""
    done: list[Cell] = []
    for (row, name), experiment in load_cells(reduced).items():
        result = cross_validate(experiment, runs, say)
        done.append(Cell(row, name, experiment, {s.measure: s for s in result.summaries}))
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page(done, runs, reduced), encoding="utf-8")
        say(f"{experiment.name}: Dice {_percent(result.summaries[0])}, table in {out}")


def page(cells: list[Cell], runs: Path, reduced: bool) -> str:
    """The markdown page about the cells that are done."""
    command = "python -m training table" + (" --reduced" if reduced else "")
    lines = [
        "# The paper's table on open data",
        "",
        f"Made by `{command}`. Left out heads only, both joints of a head in the same fold; mean ± "
        "sample standard deviation over joints. Dice in per cent, CE in nats per voxel, HD "
        "(Hausdorff distance) in voxels of 0.4 mm, in brackets in mm. In italics the paper's own "
        "figure for the best network per object (Belikova et al., Sci Rep 11:16292, Table 1); it "
        "measured other patients, so the two cannot be compared figure by figure.",
        "",
        *_conditions(cells, runs, reduced),
        "",
        "| network and loss | "
        + " | ".join(f"{o} Dice | {o} CE | {o} HD" for o in OBJECTS.values())
        + " |",
        "|---" + "|---:" * 9 + "|",
    ]
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
    lines += [
        "| network and loss | "
        + " | ".join(f"{o} IoU | {o} HD95" for o in OBJECTS.values())
        + " |",
        "|---" + "|---:" * 6 + "|",
    ]
    for row, title in ROWS.items():
        texts = [_second(by_place.get((row, name))) for name in OBJECTS]
        lines.append(f"| {title} | " + " | ".join(texts) + " |")
    return "\n".join(lines) + "\n"


def _conditions(cells: list[Cell], runs: Path, reduced: bool) -> list[str]:
    """What was done and how it differs from the paper, from the configs themselves."""
    full, ours = load_cells(reduced=False), load_cells(reduced)
    here = next(iter(ours.values()))
    lines = [
        "What differs from the paper in the data: seven open head CT (14 joints), semi-automatic "
        "reference labels, NV as negvol's own measure on those labels (not drawn as balls by "
        "hand); there, patients of one clinic with experts' contours.",
        "",
        f"Training: frames of {_size(here.data.size_zyx)} voxels (x, y, z) at "
        f"{here.data.spacing_mm:g} mm, patches of {_size(here.data.patch_zyx)}, at most "
        f"{here.train.steps} steps of {here.train.batch} image(s), Adam at "
        f"{here.train.learning_rate:g}, {_folds(here)}, {here.data.phantoms} phantoms added.",
    ]
    if reduced:
        changes = sorted({c for key in ours for c in _changes(full[key], ours[key])})
        lines += [
            "",
            "**Reduced for a machine without a GPU**, every key that differs from the full configs "
            f"in `training/configs/` (their value in brackets): {'; '.join(changes)}. Networks "
            "trained this briefly are far from what they can reach: this shows that every cell "
            "runs, not which network is best.",
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
        before, after = asdict(getattr(full, table)), asdict(getattr(ours, table))
        for key, value in after.items():
            if value != before[key]:
                yield f"`{table}.{key}` {_plain(value)} ({_plain(before[key])})"


def _plain(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _folds(experiment: Experiment) -> str:
    folds = experiment.folds
    count = folds.count or len(folds.held_out)
    return (
        f"{count} folds, early stopping by {folds.validation} of the training heads (patience "
        f"{experiment.train.patience} looks {experiment.train.validate_every} steps apart, delta "
        f"{experiment.train.delta:g})"
    )


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
    return f"{_percent(s['dice'])}{dice} | {ce} | {ours}{hd}"


def _second(cell: Cell | None) -> str:
    if cell is None:
        return "- | -"
    hd95 = cell.summaries["hd95_mm"]
    return f"{_percent(cell.summaries['iou'])} | {hd95.mean:.1f} ± {hd95.sd:.1f}"


def _percent(summary: Summary) -> str:
    return f"{100 * summary.mean:.1f} ± {100 * summary.sd:.1f}"
