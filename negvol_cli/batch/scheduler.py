"""Scans through an engine: never more at once than it has places, and none lost with a worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any, Final

from negvol_cli.batch.candidates import Candidate
from negvol_cli.batch.engines import Engine
from negvol_cli.batch.handover import Packed
from negvol_cli.batch.job import Result
from negvol_cli.errors import ClusterError
from negvol_cli.report import FailureRow, Outcome

Work = Callable[[Any], Result]
Pack = Callable[[Candidate], Packed]

_LOOK_AGAIN_SECONDS: Final = 2.0
"""A cluster may have got more workers meanwhile."""


@dataclass(slots=True)
class Stop:
    """Set ``asked``, and what runs is finished and nothing more begun."""

    asked: bool = False


class Scheduler:
    """One passage of scans through an engine.

    ``work`` must be picklable; it gets what ``pack`` makes of a scan, the scan itself by default.
    """

    def __init__(
        self,
        engine: Engine,
        work: Work,
        scans: Iterable[Candidate],
        stop: Stop,
        limit: int | None,
        *,
        pack: Pack = lambda candidate: (candidate, lambda: None),
    ) -> None:
        self._engine, self._work, self._pack = engine, work, pack
        self._stop, self._left = stop, limit
        self._waiting = deque(scans)
        self._suspects: deque[Candidate] = deque()
        self._testing = False
        self._running: dict[Future[Result], Candidate] = {}

    def results(self) -> Iterator[Result]:
        """The results as they come, one for each scan, until all are done or a stop is asked for.

        At most ``limit`` scans are measured; earlier results that still hold do not count. What a
        worker raises, as opposed to returns, concerns every scan and is raised here.
        """
        while True:
            self._start()
            if not self._running:
                return
            done, _ = wait(self._running, _LOOK_AGAIN_SECONDS, "FIRST_COMPLETED")
            lost = []
            for future in done:
                candidate = self._running.pop(future)
                result = self._result(future)
                if result is None:
                    lost.append(candidate)
                else:
                    yield self._counted(result)
            if lost:
                yield from self._after_death(lost)

    def _start(self) -> None:
        """Fill the places that are free; while one of several is suspected, one at a time."""
        while not self._stop.asked and (self._left is None or self._left > len(self._running)):
            queue = self._suspects or self._waiting
            self._testing = self._testing and bool(self._running)
            alone = self._testing or bool(self._suspects)
            if not queue or len(self._running) >= (1 if alone else self._engine.places()):
                return
            candidate = queue.popleft()
            packed, done = self._pack(candidate)
            try:
                future = self._engine.submit(self._work, packed)
            except BrokenExecutor:  # an idle worker died
                done()
                queue.appendleft(candidate)
                if self._running:
                    return
                self._engine.renew()
                continue
            self._testing = alone
            self._running[future] = candidate
            future.add_done_callback(lambda _, done=done: done())  # type: ignore[misc]

    def _result(self, future: Future[Result]) -> Result | None:
        """What the worker returned; None where it died."""
        try:
            return future.result()
        except self._engine.lost:
            return None
        except CancelledError as err:
            raise ClusterError(
                "the connection to the scheduler was lost: start it again, then give the same "
                "command to go on"
            ) from err
        except ImportError as err:
            raise ClusterError(
                f"a worker cannot run negvol ({err}): install the same negvol on every machine"
            ) from err

    def _after_death(self, lost: list[Candidate]) -> Iterator[Result]:
        """Name the scan that killed its worker; where it is one of several, try each alone."""
        if self._engine.shared_fate:
            wait(self._running)
            for future, candidate in self._running.items():
                result = self._result(future)
                if result is None:
                    lost.append(candidate)
                else:
                    yield self._counted(result)
            self._running.clear()
            self._engine.renew()
            if len(lost) > 1:
                self._suspects.extend(lost)
                return
        for candidate in lost:
            yield self._counted(_died(candidate))

    def _counted(self, result: Result) -> Result:
        if self._left is not None and not result.earlier:
            self._left -= 1
        return result


def _died(candidate: Candidate) -> Result:
    reason = (
        "the process that measured it died, for want of memory or by a fault in a library: try it "
        "alone with 'negvol run', on a machine with more memory"
    )
    failure = FailureRow(file=candidate.shown, step="measuring", reason=reason)
    return Result(name=candidate.name, outcome=Outcome.FAILED, failure=failure)
