"""Work shared among threads: as many as were asked for, results in order, errors not lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial

import pytest
from click.testing import CliRunner

from negvol_cli.cli import main
from negvol_cli.threads import Begun, Once, at_once, both, cores

ALGEBRA = """
from negvol_cli.threads import one_thread_for_algebra
one_thread_for_algebra()
import numpy, psutil
numpy.ones((900, 900)) @ numpy.ones((900, 900))
print(psutil.Process().num_threads())
"""


def test_two_tasks_on_two_threads_run_at_once() -> None:
    both = threading.Barrier(2, timeout=10)

    found = at_once({"right": both.wait, "left": both.wait}, threads=2)

    assert set(found.values()) == {0, 1}


def test_results_come_in_the_order_of_the_tasks_however_long_each_takes() -> None:
    last_is_done = threading.Event()

    def first() -> str:
        assert last_is_done.wait(10)
        return "right"

    def last() -> str:
        last_is_done.set()
        return "left"

    assert list(at_once({1: first, 2: last}, threads=2).items()) == [(1, "right"), (2, "left")]


def test_on_one_thread_tasks_run_one_after_the_other_where_they_were_given() -> None:
    where: list[threading.Thread] = []
    tasks = {n: partial(lambda: where.append(threading.current_thread())) for n in range(3)}

    at_once(tasks, threads=1)

    assert where == [threading.current_thread()] * 3


@pytest.mark.parametrize("threads", [1, 2])
def test_the_error_of_a_task_is_raised(threads: int) -> None:
    def fail() -> None:
        raise ValueError("no condyle")

    with pytest.raises(ValueError, match="no condyle"):
        at_once({"right": fail, "left": lambda: None}, threads)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")
def test_only_cores_that_the_process_may_use_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7})

    assert cores() == 3


def test_a_task_that_was_begun_runs_before_its_result_is_asked_for() -> None:
    ran = threading.Event()

    begun = Begun(lambda: ran.set() or "done", "a task")

    assert ran.wait(10)
    assert begun.result() == "done"


def test_the_error_of_a_task_that_was_begun_is_raised_where_its_result_is_asked_for() -> None:
    begun = Begun(partial(int, "no number"), "a task")

    with pytest.raises(ValueError, match="no number"):
        begun.result()


ENDING = """
import sys, time
from negvol_cli.threads import Begun
Begun(lambda: (time.sleep(0.5), print("ended")), "a task", daemon=sys.argv[1] == "daemon")
"""


@pytest.mark.parametrize(("daemon", "said"), [("daemon", ""), ("waited for", "ended")])
def test_the_process_waits_for_a_task_unless_it_is_a_daemon(daemon: str, said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ENDING, daemon], capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == said


def test_of_two_tasks_that_fail_the_first_is_told() -> None:
    def fail(why: str) -> None:
        raise ValueError(why)

    for threads in (1, 2):
        with pytest.raises(ValueError, match="first"):
            both(partial(fail, "first"), partial(fail, "second"), threads)


def test_two_tasks_of_different_kinds_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=10)

    assert both(lambda: str(meeting.wait() < 2), lambda: meeting.wait() < 2, 2) == ("True", True)


@pytest.mark.parametrize(("given", "threads"), [({}, 1), ({"OPENBLAS_NUM_THREADS": "3"}, 3)])
def test_linear_algebra_has_one_thread_unless_the_user_says_otherwise(given, threads) -> None:
    without = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}

    run = subprocess.run(
        [sys.executable, "-c", ALGEBRA], env={**without, **given}, capture_output=True, text=True
    )

    assert run.stderr == ""
    assert int(run.stdout) == min(threads, max(cores(), 1))


def test_every_command_keeps_linear_algebra_to_one_thread(monkeypatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)

    CliRunner().invoke(main, ["models", "list"], catch_exceptions=False)

    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


def test_a_value_is_made_once_though_two_threads_ask_for_it_at_once() -> None:
    meeting, made = threading.Barrier(2, timeout=10), []
    once = Once()

    def ask() -> object:
        meeting.wait()
        return once.get("picture", lambda: made.append(1) or object())

    first, second = at_once({1: ask, 2: ask}, threads=2).values()

    assert first is second
    assert len(made) == 1


def test_a_value_that_could_not_be_made_is_made_when_asked_for_again() -> None:
    once = Once()

    with pytest.raises(ZeroDivisionError):
        once.get("share", lambda: 1 / 0)

    assert once.get("share", lambda: 2.0) == 2.0
