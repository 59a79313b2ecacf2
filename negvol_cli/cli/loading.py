"""Imports without what need not be done for them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_TOOLS: Final = frozenset({"ctypeslib", "f2py", "ma", "polynomial", "testing"})
_OFFERS: Final = ("__all__", "__numpy_submodules__")
"""Where NumPy lists them."""

_TURNS_S: Final = 1e-4
"""How long a thread keeps Python's lock while another waits for it; else 5 ms."""


@contextmanager
def loading() -> Iterator[None]:
    """Load modules in the body, in a run 0.05 s quicker than with the collector of garbage.

    It finds none in what stays until the end. What was loaded is not looked through again: another
    0.05 s. SciPy does not load the ``_TOOLS`` of NumPy meanwhile, and whoever reads the scan beside
    it gets Python's lock at once: reading takes and leaves it a hundred times.
    """
    turns_s = sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(_TURNS_S)
    try:
        with _numpy_without_tools():
            yield
    finally:
        sys.setswitchinterval(turns_s)
        gc.freeze()
        gc.enable()


@contextmanager
def _numpy_without_tools() -> Iterator[None]:
    """Hide in the body what of NumPy nobody needs and SciPy loads, since it copies all of NumPy.

    Where it is asked for by name, it is there.
    """
    import numpy as np

    names: dict[str, Any] = vars(np)
    offers: dict[str, Any] = {name: names[name] for name in _OFFERS if name in names}
    names.update({name: type(all_)(set(all_) - _TOOLS) for name, all_ in offers.items()})
    try:
        yield
    finally:
        names.update(offers)
