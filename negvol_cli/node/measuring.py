"""Studies that are quiet, measured by the workers of a batch, with what a batch keeps of before."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from negvol_cli.batch import Candidate, Engine, Job, Result, Stop
from negvol_cli.batch.scheduler import Scheduler
from negvol_cli.batch.worker import measure_candidate
from negvol_cli.errors import InputError, explain_nameless
from negvol_cli.io.dicom import choose_in
from negvol_cli.node.audit import Audit
from negvol_cli.node.sending import objects_of
from negvol_cli.node.spool import Spool
from negvol_cli.node.state import State

AGAIN_AFTER_S: Final = 300.0
LONGEST_PAUSE_S: Final = 6 * 3600.0
"""Between tries of what is not the images' fault: a disk that is full, a worker that died. The
first pause is that in which somebody makes room; the last lets a scan that always kills its worker
do so four times a day."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A study that is being measured: the set of its images, and the scan that stands for it."""

    study: str
    digest: str
    scan: Candidate


@dataclass(slots=True)
class _Failure:
    """How often a set of images could not be measured, though they are not to blame."""

    digest: str
    tries: int = 0
    again_at: float = 0.0


@dataclass(slots=True)
class Measuring:
    """Measures what is quiet, and writes down how it ended.

    ``on_measured`` is called after each study with something to be stored.
    """

    spool: Spool
    job: Job
    audit: Audit
    quiet_s: float
    stop: Stop
    on_measured: Callable[[], None] = lambda: None
    _failures: dict[str, _Failure] = field(default_factory=dict)

    def round(self, engine: Engine) -> int:
        """Measure every study that is quiet now; how many there were.

        Raises ModelError where the networks cannot be used.
        """
        count, works = 0, {}
        with ExitStack() as claims:
            for study in self.spool.studies():
                claim = claims.enter_context(ExitStack())
                if not self._is_ours(study, claim):
                    claim.close()
                    continue
                count += 1
                if (work := self._work(study)) is None:
                    claim.close()
                    continue
                claim.enter_context(self.spool.counting_results(study))
                works[work.scan.name] = work, claim
            measure = partial(measure_candidate, self.job)
            scans = [work.scan for work, _ in works.values()]
            scheduler = Scheduler(engine, measure, scans, self.stop, None, pack=_packed)
            for result in scheduler.results():
                work, claim = works[result.name]
                with claim:
                    self._note(work, result)
                self.on_measured()
        return count

    def _is_ours(self, study: str, claim: ExitStack) -> bool:
        """Whether a study is quiet and not yet measured as it is, and nobody is at work on it."""
        if self.spool.quiet_s(study) < self.quiet_s:
            return False
        if not claim.enter_context(self.spool.claimed(study)):
            return False
        digest = self.spool.digest(study)
        failure = self._failures.get(study)
        if failure is not None and failure.digest == digest and failure.again_at > time.monotonic():
            return False
        return digest not in ("", self.spool.state(study).measured)

    def _work(self, study: str) -> _Work | None:
        """The scan of a study that is to be measured; None where there is none, which is noted."""
        digest, images = self.spool.digest(study), self.spool.images(study)
        try:
            series, notes = choose_in(images)
        except InputError as err:
            self._refuse(study, digest, str(err).replace(str(images), "the study"))
            return None
        except Exception as err:  # noqa: BLE001 - one study must not stop the others for ever
            self._refuse(study, digest, explain_nameless(err))
            return None
        if series.why_not is not None:
            self._refuse(study, digest, series.why_not)
            return None
        self.audit("measuring", study=study, images=self.spool.count(study))
        name = self.spool.result_folder(study, series.key).name
        series = replace(series, notes=(*series.notes, *notes))
        return _Work(study, digest, Candidate(name=name, path=images, shown=study, series=series))

    def _note(self, work: _Work, result: Result) -> None:
        if result.failure is not None:
            self._failed(work, result.failure.reason, lasting=result.unusable)
            return
        folder = self.job.out / result.name
        try:
            objects_of(folder, whole=False)
        except InputError as err:
            self._failed(work, str(err).replace(str(folder), "the result"), lasting=False)
            return
        self._failures.pop(work.study, None)
        self.spool.set_state(work.study, State(measured=work.digest, result=result.name))
        self.audit(
            "measured",
            study=work.study,
            result=result.name,
            outcome=str(result.outcome),
            earlier=result.earlier,
            seconds=round(result.seconds, 1),
        )

    def _failed(self, work: _Work, reason: str, *, lasting: bool) -> None:
        """Give a set of images up where it is to blame; else let it wait for another try."""
        failure = self._failures.get(work.study)
        if failure is None or failure.digest != work.digest:
            failure = self._failures[work.study] = _Failure(work.digest)
        failure.tries += 1
        if lasting:
            self._refuse(work.study, work.digest, reason)
            return
        pause = min(AGAIN_AFTER_S * 2 ** (failure.tries - 1), LONGEST_PAUSE_S)
        failure.again_at = time.monotonic() + pause
        self.audit("failed", study=work.study, reason=reason, again_in_s=pause)

    def _refuse(self, study: str, digest: str, reason: str) -> None:
        self._failures.pop(study, None)
        self.spool.set_state(study, State(measured=digest, refused=reason, done=True))
        self.audit("not measured", study=study, reason=reason)


def _packed(scan: Candidate) -> tuple[Candidate, Callable[[], None]]:
    """What a worker gets: the scan without who the patient is."""
    return scan.for_worker(), lambda: None
