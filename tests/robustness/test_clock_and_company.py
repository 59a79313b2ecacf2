"""A clock that is set back, and several runs that want the same place."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.robustness.forked import ROOT, environment

BACKWARDS = """
import itertools, time
_now, _ticks = time.time, itertools.count()
time.time = lambda: _now() - 3600.0 * next(_ticks)
"""

WRITER = """
import sys
from pathlib import Path
from negvol_cli.errors import OutputError
from negvol_cli.io.output_folder import new_output
out, mine = Path(sys.argv[1]), sys.argv[2]
for line in sys.stdin:
    try:
        with new_output(out, f"scan {int(line)}", overwrite=mine == "late") as folder:
            for number in range(20):
                (folder / f"{number}.txt").write_text(mine)
            (folder / "run.json").write_text(mine)
        print("wrote", flush=True)
    except OutputError as err:
        print(err, flush=True)
"""


def test_a_clock_set_back_by_an_hour_at_every_look_makes_no_time_negative(
    monkeypatch: pytest.MonkeyPatch, write_result: Callable[..., None], tmp_path: Path
) -> None:
    now, ticks = time.time, count()
    monkeypatch.setattr(time, "time", lambda: now() - 3600.0 * next(ticks))

    write_result(tmp_path)

    run = json.loads((tmp_path / "phantom" / "run.json").read_text(encoding="utf-8"))
    assert run["steps"]
    assert all(0 <= step["seconds"] < 600 for step in run["steps"])


def test_a_batch_whose_clock_is_set_back_ends_and_is_resumed(phantom: Path, tmp_path: Path) -> None:
    """The result is older than its scan then; its digest, not its date, says that it holds."""
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(BACKWARDS)
    command = [sys.executable, "-m", "negvol_cli", "batch", str(phantom.parent), "--json"]
    command += ["-o", str(tmp_path / "out"), "--device", "cpu", "--threads", "1"]
    record = tmp_path / "out" / "phantom" / "run.json"
    written = []
    for _ in range(2):
        ran = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(PYTHONPATH=str(tmp_path / "patch")),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert "-1 day" not in ran.stderr
        written.append(record.stat().st_mtime_ns)

    assert written[0] == written[1]  # the second found it done
    assert all(0 <= s["seconds"] < 600 for s in json.loads(record.read_text())["steps"])


def test_processes_that_write_the_same_results_at_once_leave_whole_ones(tmp_path: Path) -> None:
    rounds = 30
    writers = {
        name: subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("first", "second", "third", "late")
    }
    for number in range(rounds):
        for writer in writers.values():
            assert writer.stdin is not None
            writer.stdin.write(f"{number}\n")
            writer.stdin.flush()
    said = {
        name: writer.communicate(timeout=60)[0].splitlines() for name, writer in writers.items()
    }

    for number in range(rounds):
        folder = tmp_path / f"scan {number}"
        assert {path.read_text() for path in folder.iterdir()} in [{name} for name in writers]
        assert len(list(folder.iterdir())) == 21
        refusals = [lines[number] for lines in said.values() if lines[number] != "wrote"]
        assert len(refusals) < len(writers)
        assert all("another negvol" in why or "is there already" in why for why in refusals)
    assert len(list(tmp_path.iterdir())) == rounds
