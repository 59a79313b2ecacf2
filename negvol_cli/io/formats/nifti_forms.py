"""Where a NIfTI image lies, by its qform, its sform or both, which may contradict each other.

ITK, nibabel and others choose between the two by rules of their own, so that one file has two left
sides, depending on who reads it. Here it is measured only where the choice does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.placement import ROUNDING_MM, Matrix
from negvol_cli.io.header_checks import SAME_SIZE, by, straight_grid

HARMLESS_MM: Final = 1.0
"""Forms that differ by no more place a head alike for all that is measured in it."""

_CODES: Final = range(1, 6)
_TO_LPS: Final = np.array([[-1.0], [-1.0], [1.0]])
_BEYOND_UNIT: Final = 1e-4  # quaternions are float32

Form = tuple[Matrix, Matrix]
"""The steps of one voxel in columns (3, 3), and the first voxel's centre (3,); LPS mm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """The fields of a header that place its image; see nifti1.h."""

    qform_code: int
    sform_code: int
    pixdim: Sequence[float]
    quatern: Sequence[float]
    rows: Sequence[float]
    unit_mm: float

    @property
    def spacing_mm(self) -> Matrix:
        """The voxel size of pixdim (3,)."""
        return np.array(self.pixdim[1:4], dtype=np.float64) * self.unit_mm


def placed(
    forms: Forms, size_xyz: tuple[int, int, int], path: Path
) -> tuple[Form, tuple[str, ...]]:
    """The form to be taken, and what to say of it.

    Raises InputError where there is none, where a form is no placement, and where two of them
    differ in sides, place or scale by more than rounding.
    """
    has_qform, has_sform = forms.qform_code in _CODES, forms.sform_code in _CODES
    if not has_qform and not has_sform:
        raise InputError(
            f"{path} does not say how the patient lies (qform_code and sform_code are 0), so left "
            "and right cannot be told: export it again with its orientation"
        )
    if not has_sform:
        return _qform(forms, path), ()
    sform = _sform(forms, path)
    straight_grid(size_xyz, *sform, path)
    if not has_qform:
        return sform, ()
    return sform, _compared(sform, _qform(forms, path), size_xyz, path)


def _sform(forms: Forms, path: Path) -> Form:
    rows = np.array(forms.rows, dtype=np.float64).reshape(3, 4) * forms.unit_mm * _TO_LPS
    said, sizes = forms.spacing_mm, np.linalg.norm(rows[:, :3], axis=0)
    if not np.isfinite(rows).all():
        raise ValueError("srow_x, srow_y and srow_z hold no numbers")
    if not np.allclose(sizes, said, rtol=SAME_SIZE, atol=0):
        raise InputError(
            f"{path} gives two voxel sizes, {by(said)} mm (pixdim) and {by(sizes)} mm (sform): "
            "correct its header or export it again"
        )
    return rows[:, :3], rows[:, 3]


def _qform(forms: Forms, path: Path) -> Form:
    """The rotation of a unit quaternion whose first part is what the other three leave."""
    if (qfac := forms.pixdim[0]) not in (-1.0, 1.0):
        raise InputError(
            f"{path} has a qform whose pixdim[0] is {qfac:g}, neither 1 nor -1, so left and right "
            "cannot be told by it: correct it or set qform_code to 0 if there is an sform"
        )
    b, c, d, *offset = (float(q) for q in forms.quatern)
    rest = 1.0 - (b * b + c * c + d * d)
    if not np.isfinite([rest, *offset]).all() or rest < -_BEYOND_UNIT:
        raise InputError(
            f"{path} has a qform that is not a rotation (quatern_b, c, d are {b:g}, {c:g}, {d:g}): "
            "correct its header or export it again"
        )
    length = np.sqrt(b * b + c * c + d * d + max(rest, 0.0))
    a, b, c, d = np.sqrt(max(rest, 0.0)) / length, b / length, c / length, d / length
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    steps = turn * forms.spacing_mm * (1.0, 1.0, qfac) * _TO_LPS
    return steps, np.array(offset) * forms.unit_mm * _TO_LPS[:, 0]


def _compared(
    sform: Form, qform: Form, size_xyz: tuple[int, int, int], path: Path
) -> tuple[str, ...]:
    """What to say of two forms; InputError where it matters which of them is true."""
    corners = np.array(list(product((0, 1), repeat=3))) * (np.array(size_xyz) - 1)
    (steps, origin), (other, other_origin) = sform, qform
    apart = np.linalg.norm(corners @ (steps - other).T + origin - other_origin, axis=1).max()
    if apart <= ROUNDING_MM:
        return ()
    if apart <= HARMLESS_MM:
        return (f"qform and sform place the scan {apart:.2g} mm apart: the sform was taken",)
    turned = steps @ np.linalg.inv(other)  # from where one form puts things to the other
    if np.linalg.det(turned) < 0 or turned[0, 0] <= 0:
        raise InputError(
            f"{path} contradicts itself: its qform and its sform put the patient's left on "
            "opposite sides; set the code of the wrong one to 0, or export it again"
        )
    raise InputError(
        f"{path} contradicts itself: its qform and its sform place the scan {apart:.3g} mm apart; "
        "set the code of the one that is not the scanner's to 0, or export it again"
    )
