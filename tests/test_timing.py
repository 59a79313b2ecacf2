"""Steps are measured in seconds, and memory by the most that was held."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from negvol_cli import memory
from negvol_cli.memory import available_memory_mb, peak_memory_mb
from negvol_cli.timing import Stopwatch


def test_a_step_takes_as_long_as_its_body() -> None:
    watch = Stopwatch()
    with watch.step("sleep"):
        time.sleep(0.05)
    with watch.step("nothing"):
        pass

    sleep, nothing = watch.costs
    assert (sleep.name, nothing.name) == ("sleep", "nothing")
    assert 0.05 <= sleep.seconds < 5
    assert 0 <= nothing.seconds < sleep.seconds


def test_a_name_used_twice_is_added_up() -> None:
    watch = Stopwatch()
    for _ in range(2):
        with watch.step("segment"):
            time.sleep(0.02)

    (segment,) = watch.costs
    assert segment.seconds >= 0.04


def test_steps_stand_in_the_order_in_which_they_began() -> None:
    """Of two at once, whichever ends first; one that has not ended has no cost yet."""
    watch = Stopwatch()
    with watch.step("read"):
        with watch.step("load models"):
            pass
        assert [cost.name for cost in watch.costs] == ["load models"]

    assert [cost.name for cost in watch.costs] == ["read", "load models"]


def test_a_step_that_fails_is_measured_too() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="no"), watch.step("fail"):
        raise ValueError("no")

    assert [cost.name for cost in watch.costs] == ["fail"]


def test_the_peak_is_what_the_process_itself_held_until_the_step_ended() -> None:
    if peak_memory_mb() is None:
        pytest.skip("this system does not say what the process has held")
    program = (
        "from negvol_cli.timing import Stopwatch\n"
        "watch = Stopwatch()\n"
        "with watch.step('nothing'): pass\n"
        "with watch.step('hold'): bytearray(b'x') * (100 << 20)\n"
        "with watch.step('let go'): pass\n"
        "print(*(cost.peak_mb for cost in watch.costs))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    nothing, hold, let_go = map(float, ran.stdout.split())
    assert 1 < nothing < 60
    assert 99 < hold - nothing < 130
    assert let_go == hold


def test_the_costs_can_be_written_as_json() -> None:
    watch = Stopwatch()
    with watch.step("read"):
        pass

    (cost,) = json.loads(json.dumps(watch.as_dicts()))
    assert set(cost) == {"name", "seconds", "cpu_seconds", "peak_mb"}


def test_some_memory_is_free() -> None:
    assert available_memory_mb() > 0


@pytest.mark.parametrize(
    ("limit", "rest_mb"), [("1073741824", 768.0), ("max", float("inf")), (None, float("inf"))]
)
def test_the_limit_of_a_container_counts(tmp_path: Path, limit: str | None, rest_mb: float) -> None:
    if limit:
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{256 * 2**20}\n")

    assert memory._control_group_rest_mb(tmp_path) == rest_mb
