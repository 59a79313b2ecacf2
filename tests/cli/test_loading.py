"""Modules are loaded without the collector and NumPy's tools, which work again afterwards."""

import gc
import subprocess
import sys

import numpy as np
import pytest

from negvol_cli.cli.loading import loading


def test_nothing_is_collected_while_modules_are_loaded() -> None:
    with loading():
        assert not gc.isenabled()

    assert gc.isenabled()


def test_threads_take_turns_often_meanwhile() -> None:
    usual = sys.getswitchinterval()

    with loading():
        assert sys.getswitchinterval() < usual / 10

    assert sys.getswitchinterval() == usual


def test_a_module_that_is_missing_leaves_all_as_it_was() -> None:
    usual = sys.getswitchinterval()

    with pytest.raises(ImportError), loading():
        raise ImportError("no such module")

    assert gc.isenabled()
    assert sys.getswitchinterval() == usual


PROBE = """
import sys
from negvol_cli.cli.loading import loading
with loading():
    import scipy.ndimage
    import scipy.spatial
print(*sorted({"numpy.f2py", "numpy.testing", "unittest"} & set(sys.modules)))
import numpy as np
assert "f2py" in np.__all__ and "testing" in dir(np)
np.testing.assert_array_equal(scipy.ndimage.gaussian_filter(np.ones(3), 1.0), np.ones(3))
"""


def test_scipy_loads_no_tools_of_numpy_and_they_are_there_afterwards() -> None:
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_what_numpy_offers_is_whole_again_after_a_failure() -> None:
    before = set(np.__all__)

    with pytest.raises(ImportError), loading():
        raise ImportError("no such module")

    assert set(np.__all__) == before
