"""The box about a mask: its slices by hand, and none of an empty mask."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.geometry.grid import box_about


def test_a_box_holds_the_mask_and_its_margin_ends_with_the_array() -> None:
    mask = np.zeros((6, 7, 8), dtype=bool)
    mask[1, 4, 2] = mask[3, 3, 7] = True

    assert box_about(mask) == (slice(1, 4), slice(3, 5), slice(2, 8))
    assert box_about(mask, margin=2) == (slice(0, 6), slice(1, 7), slice(0, 8))


def test_an_empty_mask_has_no_box() -> None:
    with pytest.raises(ValueError, match="empty"):
        box_about(np.zeros((2, 2, 2), dtype=bool))
