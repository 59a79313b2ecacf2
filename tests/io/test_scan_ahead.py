"""A scan that is read before it is asked for."""

import threading

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.image import Scan
from negvol_cli.io.reading import Reading
from negvol_cli.io.source import Intake

GRID = Grid((40, 40, 40), (1.0, 1.0, 2.6), (0.0, 0.0, 0.0))


def ct() -> Scan:
    values = np.random.default_rng(1).choice([-1000, 30, 1200], GRID.shape_zyx).astype(np.int16)
    return Scan(Volume(values, GRID), GRID, "as stored", notes=("known before",))


def test_reading_goes_on_before_the_scan_is_asked_for_and_is_timed() -> None:
    read = threading.Event()

    def load() -> Scan:
        read.set()
        return ct()

    reading = Reading(Intake(name="head", read=load, digest=lambda: ""))

    assert read.wait(10)
    scan = reading.scan()
    assert scan.name == "head"
    assert scan.notes[0] == "known before"
    assert "coarser than 2 mm" in scan.notes[1]
    assert [cost.name for cost in reading.watch.costs] == ["read"]


def test_what_is_wrong_with_the_scan_is_said_where_it_is_asked_for() -> None:
    blank = Scan(Volume(np.zeros(GRID.shape_zyx, np.int16), GRID), GRID, "as stored")
    reading = Reading(Intake(name="head", read=lambda: blank, digest=lambda: ""))

    with pytest.raises(InputError, match="head is blank"):
        reading.scan()
