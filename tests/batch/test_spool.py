"""What is put away comes back as it was, from memory or from the disk."""

from __future__ import annotations

import pytest

from negvol_cli.batch import spool
from negvol_cli.batch.spool import Spool


@pytest.mark.parametrize("in_memory", [1, 2**20])
def test_values_come_back_in_any_order(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY_BYTES", in_memory)
    kept = Spool()
    values = [list(range(n)) for n in range(50)]
    stored = [kept.add(value) for value in values[:40]]

    assert [place.load() for place in reversed(stored)] == values[39::-1]
    stored += [kept.add(value) for value in values[40:]]
    assert [place.load() for place in stored] == values
