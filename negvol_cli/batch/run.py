"""A batch, from what was found to its tables."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from negvol_cli.batch import tables
from negvol_cli.batch.candidates import Candidate, Discovery
from negvol_cli.batch.engines import Engine
from negvol_cli.batch.handover import Handover, clear_handovers
from negvol_cli.batch.job import Job, Result
from negvol_cli.batch.resume import earlier_report
from negvol_cli.batch.scheduler import Pack, Scheduler, Stop, Work
from negvol_cli.batch.source import intake_of
from negvol_cli.batch.worker import measure_candidate, measure_ticket
from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.errors import InputError, OutputError
from negvol_cli.io.output_folder import clear_leftovers, revisions_of
from negvol_cli.io.pseudonyms import Pseudonyms
from negvol_cli.io.report_files import read_json
from negvol_cli.locking import Busy, locked
from negvol_cli.render.library import LIBRARY, library_text
from negvol_cli.render.summary import render_summary
from negvol_cli.report import FailureRow, Outcome, ScanReport, SummaryRow
from negvol_cli.settings import Settings
from negvol_cli.version import program_stamp

if TYPE_CHECKING:
    from negvol_cli.study import DicomOut

LOCK: Final = ".lock"  # the locks of scans have names before that

_TABLES_EVERY_SECONDS: Final = 60.0
_TABLES_SHARE: Final = 20  # no more than a twentieth of the time goes into tables


@dataclass(slots=True)
class Tally:
    """How far a batch is: how many of its ``scans`` ended how, and how many were there already."""

    scans: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    earlier: int = 0
    measured: int = 0

    @property
    def done(self) -> int:
        """How many scans have ended, well or not."""
        return self.outcomes.total()

    def __getitem__(self, outcome: Outcome) -> int:
        return self.outcomes[outcome]

    def add(self, result: Result) -> None:
        """Count one more."""
        self.outcomes[result.outcome] += 1
        self.earlier += result.earlier
        self.measured += not result.earlier


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch has made.

    ``rows`` are all results that hold, by name; ``failures`` stand in the order of the paths.
    """

    tally: Tally
    rows: tuple[SummaryRow, ...]
    failures: tuple[FailureRow, ...]
    stopped: bool


OnResult = Callable[[Tally, Result], None]


def job_for(
    out: Path,
    settings: Settings,
    bundle: Path,
    *,
    resume: bool = True,
    keep_patient_id: bool = False,
    dicom_out: DicomOut | None = None,
) -> Job:
    """How to measure every scan. Raises ModelError for an unusable bundle, before any work."""
    return Job(
        out=out.absolute(),
        settings=settings,
        bundle=bundle.absolute(),
        bundle_stamp=load_bundle(bundle).stamp,
        version=program_stamp(),
        resume=resume,
        keep_patient_id=keep_patient_id,
        dicom_out=dicom_out,
    )


def run_batch(
    discovery: Discovery,
    job: Job,
    engine: Engine,
    *,
    limit: int | None = None,
    stop: Stop | None = None,
    on_result: OnResult = lambda _tally, _result: None,
    pseudonyms: Pseudonyms | None = None,
) -> BatchResult:
    """Measure what was found, and write the tables, also where a stop cuts it short.

    ``engine`` is entered and left here. The crosswalk of ``pseudonyms`` gets a line for each scan
    that has a result or a failure, at the latest with the tables. Raises ModelError where the
    networks cannot be used, ClusterError where a cluster is lost, OutputError where the tables
    cannot be written, and ValueError where results as DICOM would give pseudonyms away.
    """
    if job.dicom_out is not None and (pseudonyms is not None or discovery.private):
        raise ValueError("results as DICOM name the patient, whom a pseudonym stands for")
    stop = stop or Stop()
    job = replace(job, private=discovery.private)
    batch = _Batch(discovery, job, pseudonyms)
    with _alone(job.out), engine:
        tables.write_whole(job.out / LIBRARY, library_text())
        try:
            with _handed(job, engine) as (work, pack):
                scheduler = Scheduler(engine, work, discovery.scans, stop, limit, pack=pack)
                for result in scheduler.results():
                    batch.add(result)
                    on_result(batch.tally, result)
        finally:
            batch.write_tables()
    return BatchResult(batch.tally, batch.rows, batch.failures, stopped=stop.asked)


@contextmanager
def _handed(job: Job, engine: Engine) -> Iterator[tuple[Work, Pack]]:
    """What workers do, and what is sent to them: the scan, or a ticket over a network."""
    if not engine.remote:
        keep = job.keep_patient_id
        yield (
            partial(measure_candidate, job),
            lambda scan: (scan.for_worker(keep_patient_id=keep), lambda: None),
        )
        return
    with Handover(job) as handover:
        yield partial(measure_ticket, job), handover.pack


class _Batch:
    """What has come back so far, and its tables."""

    def __init__(self, discovery: Discovery, job: Job, pseudonyms: Pseudonyms | None) -> None:
        self._discovery, self._job, self._out = discovery, job, job.out
        self._pseudonyms = pseudonyms
        self._by_name = {candidate.name: candidate for candidate in discovery.scans}
        self._unrecorded: list[Candidate] = []
        self._results: dict[str, Result] = {}
        self._written, self._took = time.monotonic(), 0.0
        self.rows: tuple[SummaryRow, ...] = ()
        self.tally = Tally(len(discovery.scans))

    @property
    def failures(self) -> tuple[FailureRow, ...]:
        """The failures, in the order in which the scans were found."""
        results = (self._results.get(candidate.name) for candidate in self._discovery.scans)
        return tuple(r.failure for r in results if r is not None and r.failure is not None)

    def add(self, result: Result) -> None:
        """Take in one result, and from time to time write the tables."""
        self._results[result.name] = result
        self._unrecorded.append(self._by_name[result.name])
        self.tally.add(result)
        pause = max(_TABLES_EVERY_SECONDS, _TABLES_SHARE * self._took)
        if time.monotonic() - self._written > pause:
            with suppress(OutputError):  # at the end it is tried again, and said
                self.write_tables()

    def write_tables(self) -> None:
        """Write every table from the results as they lie in their folders."""
        start = time.monotonic()
        if self._pseudonyms is not None:
            self._pseudonyms.record(candidate.entry() for candidate in self._unrecorded)
        self._unrecorded.clear()
        tables.write_found(self._found(), self._out)
        tables.write_failures(self.failures, self._out)
        rows = self.rows = tuple(self._rows())
        tables.write_summary(rows, self._out)
        tables.write_whole(self._out / tables.PAGE, render_summary(rows, self.failures))
        self._written = time.monotonic()
        self._took = self._written - start

    def _rows(self) -> Iterator[SummaryRow]:
        """The scans with a result that holds, as far as is known at this moment."""
        for candidate in sorted(self._discovery.scans, key=lambda candidate: candidate.name):
            result = self._results.get(candidate.name)
            report = None
            if result is None and self._job.resume:
                intake = intake_of(candidate, keep_patient_id=self._job.keep_patient_id)
                report = earlier_report(intake, self._job, compare=False)
            elif result is not None and result.failure is None:
                with suppress(InputError):  # somebody took it away meanwhile
                    report = read_json(self._out / candidate.name / "report.json")
            if report is not None:
                revisions = revisions_of(self._out / candidate.name)
                row = _as_in_tables(report)
                yield SummaryRow(folder=candidate.name, report=row, revisions=revisions)

    def _found(self) -> Iterator[Mapping[str, str]]:
        for candidate in self._discovery.scans:
            result = self._results.get(candidate.name)
            outcome = "not yet measured" if result is None else str(result.outcome)
            why = result.failure.reason if result and result.failure else ""
            yield _line(candidate.shown, candidate.name, outcome, why)
        for left in () if self._discovery.private else self._discovery.left_out:
            yield _line(left.shown, "", "left out", left.reason)


def _as_in_tables(report: ScanReport) -> ScanReport:
    """The report without the checks that passed, two thirds of it, which no table names."""
    right, left = (
        replace(joint, checks=tuple(check for check in joint.checks if not check.passed))
        for joint in report.joints
    )
    return replace(report, right=right, left=left)


def _line(*values: str) -> Mapping[str, str]:
    return dict(zip(tables.FOUND_COLUMNS, values, strict=True))


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep a second batch out of the folder, and remove what a killed one left half written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with locked(out / LOCK):
            clear_handovers(out)
            clear_leftovers(out)
            try:
                yield
            finally:
                clear_leftovers(out)
    except Busy as err:
        raise OutputError(
            f"another batch is writing into {out} at this moment; wait for it or choose another -o"
        ) from err
    except OSError as err:
        if err.filename is None or not str(err.filename).startswith(str(out)):
            raise
        raise OutputError(f"cannot write into {out}: {err.strerror}; choose another -o") from err
