"""Reads mutated inputs in a limited process.

python -m tests.robustness.mutants --count 1000
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.robustness.forked import Worker
from tests.robustness.mutations import Mutant, entry_of, mutate, write_originals

LIMIT_S = 30.0
LIMIT_MIB = 2048.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one mutant; ``fault`` says what should not have been ("" where all is well)."""

    mutant: Mutant
    outcome: str
    sentence: str
    fault: str
    seconds: float
    grown_mib: float


def judge_all(count: int, seed: int, folder: Path, *, whole_every: int = 0) -> list[Verdict]:
    """Read ``count`` mutants, made and removed one by one in ``folder``.

    Every ``whole_every``-th (0: none) goes through the whole run, too, if it can be read.
    """
    originals = write_originals(folder / "originals")
    names = sorted(originals)
    verdicts = []
    with Worker("tests.robustness.read_worker", limit_s=LIMIT_S) as worker:
        sound = {name: _ask(worker, entry_of(name, path), name) for name, path in originals.items()}
        broken = {name: a for name, a in sound.items() if a["outcome"] != "read" or a.get("odd")}
        if broken:
            raise ValueError(f"the originals must be sound: {broken}")
        for number in range(count):
            name = names[number % len(names)]
            place = folder / f"{number:05}"
            mutant = mutate(name, originals[name], place, seed * 1_000_000 + number)
            whole = bool(whole_every) and number % whole_every == 0
            answer = _ask(worker, mutant.path, name, whole=whole)
            verdicts.append(_verdict(mutant, answer, sound[name]["digest"]))
            if not verdicts[-1].fault:
                shutil.rmtree(place)
    return verdicts


def _ask(worker: Worker, path: Path, name: str, *, whole: bool = False) -> dict[str, Any]:
    kind = "bundle" if name.startswith("bundle") else "scan"
    return worker.ask(json.dumps({"path": str(path), "kind": kind, "whole": whole}))


def _verdict(mutant: Mutant, answer: dict[str, Any], original: str) -> Verdict:
    outcome, sentence = answer["outcome"], answer.get("sentence", "")
    fault = ""
    if outcome not in {"read", "explained"}:
        fault = outcome
    elif outcome == "explained" and ("\n" in sentence or not _names(sentence, mutant)):
        fault = "no sentence that names the input"
    elif outcome == "read" and answer.get("odd"):
        fault = f"let through with {answer['odd']}"
    elif outcome == "read" and mutant.checked and answer["digest"] != original:
        fault = "read as something else, although its checksum is wrong"
    elif answer["grown_mib"] > LIMIT_MIB:
        fault = f"{answer['grown_mib']:.0f} MiB more"
    seconds = LIMIT_S if outcome == "hang" else answer.get("seconds", 0.0)
    grown = answer.get("grown_mib", 0.0)
    return Verdict(mutant, outcome, sentence, fault, seconds, grown)


def _names(sentence: str, mutant: Mutant) -> bool:
    """Whether the sentence names the file, or the scan as reports name it ("ct-" for DICOM's)."""
    name = "ct-" if mutant.original in {"dicom", "zip"} else mutant.path.name.split(".")[0]
    return str(mutant.path) in sentence or name in sentence


def main() -> int:
    """Print the outcomes by format, and every fault with the file kept for a look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole-every", type=int, default=0)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="negvol-mutants-"))
    verdicts = judge_all(args.count, args.seed, folder, whole_every=args.whole_every)
    for (name, outcome), n in sorted(
        Counter((v.mutant.original, v.outcome) for v in verdicts).items()
    ):
        print(f"{name:12} {outcome:12} {n}")
    print(f"slowest {max(v.seconds for v in verdicts):.2f} s")
    print(f"most memory taken {max(v.grown_mib for v in verdicts):.0f} MiB")
    faults = [v for v in verdicts if v.fault]
    for verdict in faults:
        mutant = verdict.mutant
        print(f"FAULT {mutant.path} ({mutant.original}, {mutant.how}): {verdict.fault}")
        print(f"      {verdict.sentence[:300]}")
    print(f"{len(verdicts)} inputs, {len(faults)} faults")
    if not faults:
        shutil.rmtree(folder)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
