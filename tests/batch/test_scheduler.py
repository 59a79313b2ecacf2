"""Every scan that goes into an engine comes out with a result, whatever happens to the workers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import pytest

from negvol_cli.batch import Candidate, Engine, Processes, Result, Stop
from negvol_cli.batch.scheduler import Scheduler
from negvol_cli.errors import ModelError
from negvol_cli.report import Outcome
from tests.batch import works
from tests.batch.here import Here

needs_kill = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of Unix")


def flow(
    engine: Engine,
    work: Callable[[Candidate], Result],
    names: list[str],
    *,
    limit: int | None = None,
    stop: Stop | None = None,
) -> dict[str, Outcome]:
    scans = [works.candidate(name) for name in names]
    with engine:
        results = list(Scheduler(engine, work, scans, stop or Stop(), limit).results())
    outcomes = {result.name: result.outcome for result in results}
    assert len(outcomes) == len(results)  # never two results for one scan
    return outcomes


NAMES = [f"scan{number}" for number in range(7)]


@pytest.mark.parametrize("make", [Here, partial(Processes, 1), partial(Processes, 2)])
def test_every_scan_gets_one_result(make: Callable[[], Engine]) -> None:
    assert flow(make(), works.pass_by, NAMES) == dict.fromkeys(NAMES, Outcome.OK)


@needs_kill
@pytest.mark.parametrize("jobs", [1, 2])
def test_only_the_scan_that_kills_its_process_fails(jobs: int) -> None:
    names = ["scan0", "deadly1", "scan1", "scan2", "deadly2", "scan3"]

    outcomes = flow(Processes(jobs), works.die_if_told, names)

    assert set(outcomes) == set(names)
    assert {name for name, ended in outcomes.items() if ended is Outcome.FAILED} == {
        "deadly1",
        "deadly2",
    }


@needs_kill
def test_the_failure_of_a_deadly_scan_says_what_to_do() -> None:
    with (engine := Processes(1)):
        scans = [works.candidate("deadly")]
        (result,) = Scheduler(engine, works.die_if_told, scans, Stop(), None).results()

    assert result.failure is not None
    assert result.failure.file == "deadly.nii.gz"
    assert "negvol run" in result.failure.reason


def test_a_limit_counts_what_is_measured_and_not_what_was_there() -> None:
    names = ["earlier0", "scan0", "earlier1", "scan1", "scan2", "earlier2"]

    outcomes = flow(Here(), works.pass_by, names, limit=2)

    assert list(outcomes) == ["earlier0", "scan0", "earlier1", "scan1"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_limit_is_kept_with_processes_too(jobs: int) -> None:
    assert len(flow(Processes(jobs), works.pass_by, NAMES, limit=3)) == 3


def test_after_a_stop_nothing_more_is_begun() -> None:
    stop = Stop()

    def work(scan: Candidate) -> Result:
        stop.asked = scan.name == "scan2"
        return works.pass_by(scan)

    assert list(flow(Here(), work, NAMES, stop=stop)) == ["scan0", "scan1", "scan2"]


@pytest.mark.parametrize("make", [Here, partial(Processes, 1)])
def test_unusable_networks_end_it_since_no_scan_could_be_measured(
    make: Callable[[], Engine],
) -> None:
    with pytest.raises(ModelError, match="no network for scan0"):
        flow(make(), works.refuse, NAMES)


def test_nothing_to_do_ends_at_once() -> None:
    assert flow(Here(), works.pass_by, []) == {}
