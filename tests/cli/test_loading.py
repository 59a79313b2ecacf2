"""Modules are loaded without the collector, which works again afterwards."""

import gc

import pytest

from negvol_cli.cli.loading import loading


def test_nothing_is_collected_while_modules_are_loaded() -> None:
    with loading():
        assert not gc.isenabled()

    assert gc.isenabled()


def test_a_module_that_is_missing_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError("no such module")

    assert gc.isenabled()
