"""The work of one process: scan after scan, keeping its networks in between."""

from __future__ import annotations

import logging
import multiprocessing
import os
import platform
import signal
import threading
import time
import warnings
from dataclasses import replace
from functools import cache
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from negvol_cli.batch.candidates import Candidate
from negvol_cli.batch.handover import Ticket, described
from negvol_cli.batch.job import Job, Result
from negvol_cli.batch.resume import earlier_report, refuse_newer
from negvol_cli.batch.source import intake_of
from negvol_cli.errors import (
    InputError,
    ModelError,
    NoCondyleError,
    explain,
    explain_nameless,
)
from negvol_cli.io.source import Intake
from negvol_cli.memory import give_back_free_memory
from negvol_cli.render.library import LIBRARY
from negvol_cli.report import FailureRow, Outcome, outcome_of
from negvol_cli.settings import Device, Settings
from negvol_cli.version import program_stamp

if TYPE_CHECKING:
    from negvol_cli.run import Models

_ONE_AT_A_TIME: Final = threading.Lock()
"""A cluster's worker may have several threads; a scan takes all the memory one was given."""


def measure_candidate(job: Job, candidate: Candidate) -> Result:
    """Measure one scan unless an earlier result still holds; a scan that fails is a result too.

    Raises ModelError where the networks cannot be used, since no scan could be measured then.
    """
    if job.private:
        _hush()
    with _ONE_AT_A_TIME:
        start = time.perf_counter()
        intake = intake_of(candidate, keep_patient_id=job.keep_patient_id)
        report = earlier_report(intake, job) if job.resume else None
        if report is None:
            result = _measured(job, candidate, intake, _models(job))
            give_back_free_memory()  # the next scan may be long in coming, and others need it
        else:
            result = Result(name=candidate.name, outcome=outcome_of(report), earlier=True)
        return replace(result, seconds=time.perf_counter() - start)


def measure_ticket(job: Job, ticket: Ticket) -> Result:
    """Like ``measure_candidate``, of a scan that is described on the shared disk.

    Raises ClusterError too, where it is not.
    """
    return measure_candidate(job, described(job, ticket))


@cache
def _hush() -> None:
    """Silence libraries, which quote what they read; also those of C, in a process of ours."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    if multiprocessing.parent_process() is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def prepare_process() -> None:
    """Called once in a new process, which ends with its parent and leaves signals to it."""
    for name in ("SIGINT", "SIGHUP", "SIGTERM"):  # a session ends with one to all its processes
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _measured(job: Job, candidate: Candidate, intake: Intake, models: Models) -> Result:
    from negvol_cli.study import measure_scan  # whoever directs the batch needs none of it

    step = "reading the scan"

    def at(name: str, _done: float) -> None:
        nonlocal step
        step = name

    try:
        if job.resume:
            refuse_newer(job.out / candidate.name)
        report = measure_scan(
            intake,
            job.out,
            job.settings,
            models=models,
            overwrite=True,
            progress=at,
            library=f"../{LIBRARY}",
            dicom_out=job.dicom_out,
        )
    except Exception as err:  # noqa: BLE001 - one scan must not stop the others, whatever is wrong
        failure = FailureRow(file=candidate.shown, step=step, reason=_why(err, job, candidate))
        unusable = isinstance(err, InputError | NoCondyleError)
        return Result(
            name=candidate.name, outcome=Outcome.FAILED, failure=failure, unusable=unusable
        )
    return Result(name=candidate.name, outcome=outcome_of(report))


def _why(err: Exception, job: Job, candidate: Candidate) -> str:
    if job.private:
        return explain_nameless(err)
    why = explain(err)
    if why is None and candidate.series is not None:  # its words may be those of a header
        return explain_nameless(err)
    why = why or f"{type(err).__name__}: {' '.join(str(err).split())}"
    return why.replace(str(candidate.path), candidate.shown)


def _models(job: Job) -> Models:
    """The networks of the job, loaded when first asked for."""
    if (version := program_stamp()) != job.version:
        raise ModelError(
            f"{platform.node()} has negvol {version}, and the batch was started with "
            f"{job.version}: install the same on every machine"
        )
    models = _loaded(job.bundle, job.settings.device, job.settings.threads)
    if models.bundle.stamp != job.bundle_stamp:
        raise ModelError(
            f"{job.bundle} on {platform.node()} is {models.bundle.stamp}, and the batch was "
            f"started with {job.bundle_stamp}: put the same bundle on every machine"
        )
    return models


@cache
def _loaded(bundle: Path, device: Device, threads: int | None) -> Models:
    from negvol_cli.run import load_models

    return load_models(bundle, Settings(device=device, threads=threads))


def _end_with_parent() -> None:
    """Wait for the end of the process that started this one, and end at once."""
    if (parent := multiprocessing.parent_process()) is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
