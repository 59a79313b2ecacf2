"""Several commands at once, here small Python programs."""

import sys
import time

import pytest

from training.config import ConfigError
from training.loop.side_by_side import run_side_by_side

PYTHON = (sys.executable, "-c")


def test_all_commands_run_at_once_and_their_lines_are_passed_on():
    lines = []
    began = time.monotonic()

    commands = {
        name: [f"import time; time.sleep(1.5); print({name!r}, flush=True)"] for name in "abc"
    }
    run_side_by_side(commands, 3, lines.append, PYTHON)

    assert sorted(lines) == ["a", "b", "c"]
    assert time.monotonic() - began < 4  # one after the other they sleep 4.5 s


def test_one_after_the_other_where_only_one_may_run():
    lines = []
    stamp = "import time; print('from', flush=True); time.sleep(0.2); print('to')"

    run_side_by_side({"a": [stamp], "b": [stamp]}, 1, lines.append, PYTHON)

    assert lines == ["from", "to", "from", "to"]


def test_a_failure_is_named_once_the_others_are_done():
    lines = []
    commands = {
        "good": ["import time; time.sleep(0.3); print('done')"],
        "bad": ["import sys; print('no room'); sys.exit(3)"],
    }

    with pytest.raises(ConfigError, match=r"bad ended with exit code 3: no room"):
        run_side_by_side(commands, 2, lines.append, PYTHON)

    assert "done" in lines


def test_an_interruption_ends_every_command():
    def say(_line: str) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    program = "import time; print('up', flush=True); time.sleep(30)"

    with pytest.raises(KeyboardInterrupt):
        run_side_by_side({"a": [program], "b": [program]}, 2, say, PYTHON)

    assert time.monotonic() - began < 15
