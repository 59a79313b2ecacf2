"""A rotation is written as the quaternion that SciPy makes of it."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from negvol_cli.io.formats.nifti_writer import quaternion


def along_axes() -> list[np.ndarray]:
    """The 24 rotations that bring axes onto axes."""
    found = []
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        turn = np.zeros((3, 3))
        turn[range(3), order] = signs
        found.append(turn)
    return [turn for turn in found if np.linalg.det(turn) > 0]


@pytest.mark.parametrize(
    "turns", [along_axes(), Rotation.random(200, random_state=1).as_matrix()], ids=["axes", "any"]
)
def test_it_is_scipys(turns: list[np.ndarray]) -> None:
    for turn in turns:
        b, c, d, a = Rotation.from_matrix(turn).as_quat(canonical=True)
        np.testing.assert_allclose(quaternion(turn), [a, b, c, d], atol=1e-9)


def test_a_rotation_that_is_not_quite_one_has_that_of_the_nearest() -> None:
    turn = Rotation.random(random_state=2).as_matrix()
    rounded = turn.astype(np.float16).astype(np.float64)
    np.testing.assert_allclose(quaternion(rounded), quaternion(turn), atol=1e-3)


def test_half_a_turn_has_no_negative_zero() -> None:
    assert not np.signbit(quaternion(np.diag([-1.0, -1.0, 1.0]))).any()
