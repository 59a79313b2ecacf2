"""The program as a process, which ends at once when its command has."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

from negvol_cli.cli.group import main


def program() -> NoReturn:
    """Run ``negvol`` on the arguments of this process, and end the process.

    What waits for its end is told of it; then modules are not taken apart one by one, which takes
    as long as a picture.
    """
    ending = _Ending()
    atexit.register(ending)  # the first registered, and so the last to be called
    try:
        main(prog_name="negvol")
    except SystemExit as end:
        ending.code = 0 if end.code is None else end.code
        raise
    raise AssertionError("click ends it")


class _Ending:
    """Ends the process with ``code`` where that is a number, when all else has been told to end."""

    def __init__(self) -> None:
        self.code: object = None

    def __call__(self) -> None:
        if not isinstance(self.code, int):
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            return  # Python says so itself
        os._exit(self.code)
