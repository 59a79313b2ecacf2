"""Another Python process that can be limited, watched and killed."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, the checkout importable, and one thread where it is asked."""
    paths = [more.pop("PYTHONPATH", ""), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
        **more,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


class Worker:
    """A module run as a script that answers each line on stdin with a line of JSON on stdout.

    It is started again after it died or was killed, so that one bad input costs one answer.
    """

    def __init__(self, module: str, *, limit_s: float, **variables: str) -> None:
        self._command = [sys.executable, "-m", module]
        self._environment = environment(**variables)
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop()

    def ask(self, question: str) -> dict[str, Any]:
        """The answer; or {"outcome": "hang"} or {"outcome": "crash", "code": ...}."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(question.encode() + b"\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], self._limit_s)
        if not ready:
            self._stop()
            return {"outcome": "hang"}
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self._process = None
            return {"outcome": "crash", "code": code}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                cwd=ROOT,
            )
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
