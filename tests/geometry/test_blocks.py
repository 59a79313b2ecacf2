"""Means of blocks of voxels."""

import numpy as np
import pytest

from negvol_cli.geometry.blocks import block_means


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32])
def test_each_block_has_the_mean_of_its_voxels_and_what_is_left_over_counts_nowhere(kind):
    slab = np.arange(3 * 5 * 7).reshape(3, 5, 7).astype(kind)

    means = block_means(slab, (2, 3))

    by_hand = [[slab[:, y : y + 2, x : x + 3].mean() for x in (0, 3)] for y in (0, 2)]
    assert means.dtype == np.float32
    assert means == pytest.approx(np.array(by_hand))


def test_a_slab_of_one_slice_and_blocks_of_one_voxel_keep_their_values():
    slab = np.array([[[-1000, 30], [3071, 7]]], dtype=np.int16)

    assert (block_means(slab, (1, 1)) == slab[0]).all()
    assert slab[0, 0, 0] == -1000
