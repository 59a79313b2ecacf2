"""Imports without the collector of garbage, which finds none in what stays until the end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Load modules in the body, 0.05 s quicker than with the collector.

    What was loaded is not looked through again: another 0.05 s in a run.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
