"""The same work on a Dask cluster: a real scheduler and real workers, on this machine."""

from __future__ import annotations

import builtins
import csv
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from negvol_cli.batch import Cluster, Stop, discover, engines, job_for, run_batch
from negvol_cli.batch.scheduler import Scheduler
from negvol_cli.bundle.bundle import DEFAULT_BUNDLE
from negvol_cli.errors import ClusterError, ModelError
from negvol_cli.report import Outcome
from negvol_cli.settings import Device, Settings
from tests.batch import works
from tests.batch.dask_here import dask_here

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of Unix")

SETTINGS = Settings(device=Device.CPU, threads=1)


def test_a_worker_killed_in_the_middle_costs_no_result(heads: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    discovery = discover(heads)
    with dask_here(tmp_path, workers=2) as dask:

        def kill_when_at_work() -> None:
            while not list(out.glob(".*.part-*")):
                time.sleep(0.05)
            time.sleep(1.0)
            dask.kill_one()

        killer = threading.Thread(target=kill_when_at_work)
        killer.start()
        job = job_for(out, SETTINGS, DEFAULT_BUNDLE)
        result = run_batch(discovery, job, Cluster(dask.address))
        killer.join()
        survivors = [worker.poll() is None for worker in dask.workers]

    assert survivors == [False, True]
    assert result.failures == ()
    assert result.tally.done == result.tally.scans == len(discovery.scans)
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        found = [(row["scan"], row["side"]) for row in csv.DictReader(file)]
    assert found == [
        (name, side) for name in ("head0", "head1", "ward_head2") for side in ("right", "left")
    ]
    assert not list(out.glob(".*"))


def test_many_scans_go_to_both_workers_and_a_lost_ones_go_to_the_other(tmp_path: Path) -> None:
    names = [f"scan{number}" for number in range(12)]
    scans = [works.candidate(name, tmp_path) for name in names]
    with dask_here(tmp_path, workers=2) as dask, Cluster(dask.address) as engine:
        engine.wait_for(2)
        results = Scheduler(engine, works.say_pid, scans, Stop(), None).results()
        first = [next(results).name for _ in range(2)]
        killed = dask.kill_one()
        rest = [result.name for result in results]

    assert sorted([*first, *rest]) == sorted(names)
    pids = {int(path.suffix[1:]) for path in tmp_path.glob("scan*.*") if path.suffix != ".json"}
    assert pids == {worker.pid for worker in dask.workers}
    assert killed in pids


def test_a_scan_that_kills_every_worker_it_meets_fails_alone(tmp_path: Path) -> None:
    scans = [works.candidate(name) for name in ("scan0", "deadly", "scan1", "scan2")]
    with (
        dask_here(tmp_path, workers=2, deaths_allowed=0) as dask,
        Cluster(dask.address) as engine,
    ):
        engine.wait_for(2)
        results = list(Scheduler(engine, works.die_if_told, scans, Stop(), None).results())

    outcomes = {result.name: result.outcome for result in results}
    assert outcomes == {
        "scan0": Outcome.OK,
        "scan1": Outcome.OK,
        "scan2": Outcome.OK,
        "deadly": Outcome.FAILED,
    }


def test_what_a_worker_refuses_ends_the_batch_with_its_sentence(tmp_path: Path) -> None:
    with dask_here(tmp_path, workers=1) as dask, Cluster(dask.address) as engine:
        flow = Scheduler(engine, works.refuse, [works.candidate("scan")], Stop(), None)
        with pytest.raises(ModelError, match="no network for scan"):
            list(flow.results())


def test_a_scheduler_without_workers_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "WORKER_SECONDS", 0.5)
    with dask_here(tmp_path, workers=0) as dask, pytest.raises(ClusterError, match="no workers"):
        Cluster(dask.address)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://", "tcp://"])
def test_an_address_where_nobody_answers_is_explained(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 0.5)

    with pytest.raises(ClusterError, match="no Dask scheduler answers at"):
        Cluster(address)


def test_without_dask_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "distributed":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ClusterError, match=r"pip install 'negvol\[cluster\]'"):
        Cluster("tcp://127.0.0.1:8786")
