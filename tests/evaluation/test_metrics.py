from __future__ import annotations

import math

import numpy as np
import pytest

from negvol_cli.evaluation.metrics import compare, cross_entropy

ISO = (1.0, 1.0, 1.0)


def box(shape: tuple[int, int, int], z: slice, y: slice, x: slice) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[z, y, x] = True
    return mask


def cube(start: int = 4, side: int = 10, *, shift_x: int = 0) -> np.ndarray:
    along = slice(start, start + side)
    return box((20, 20, 30), along, along, slice(start + shift_x, start + side + shift_x))


def test_a_mask_agrees_with_itself():
    metrics = compare(cube(), cube(), ISO)

    assert metrics.dice == metrics.iou == metrics.surface_dice == 1.0
    assert metrics.hausdorff_mm == metrics.hd95_mm == metrics.mean_surface_distance_mm == 0.0
    assert metrics.volume_difference_mm3 == metrics.volume_difference_percent == 0.0


def test_a_cube_shifted_by_half_its_side():
    """10³ against the same 5 voxels to x: half of each overlaps."""
    metrics = compare(cube(shift_x=5), cube(), ISO)

    assert metrics.dice == pytest.approx(0.5)
    assert metrics.iou == pytest.approx(1 / 3)
    assert metrics.hausdorff_mm == pytest.approx(5.0)
    assert metrics.volume_difference_mm3 == 0.0


def test_the_distances_of_a_shifted_cube_by_hand():
    """10³ against the same 2 voxels to x.

    Of the 600 faces of either, 320 side faces coincide with the other's. The end that sticks out
    has 100 faces 2 mm from the other's end. The 80 side faces behind it lie 0.5 or 1.5 mm beyond
    the other's end and 0.5 mm beside its rim's face centres. The 100 faces of the end that lies
    inside the other are 2 mm from its end, or nearer to a side: d mm deep, and 0.5 mm along.
    """
    outside = 100 * 2.0
    sides = 40 * (math.hypot(0.5, 0.5) + math.hypot(1.5, 0.5))
    depth = [min(k, 9 - k) + 0.5 for k in range(10)]
    inside = sum(
        min(2.0, *(math.hypot(d, 0.5) for d in (depth[j], depth[k])))
        for j in range(10)
        for k in range(10)
    )

    metrics = compare(cube(shift_x=2), cube(), ISO, tolerance_mm=1.0)

    assert metrics.mean_surface_distance_mm == pytest.approx((outside + sides + inside) / 600)
    assert metrics.hausdorff_mm == metrics.hd95_mm == pytest.approx(2.0)
    near = 320 + 40 + 36  # coinciding; the first outer layer; the rim of the end inside
    assert metrics.surface_dice == pytest.approx(near / 600)
    assert metrics.dice == pytest.approx(0.8)


def test_a_lone_voxel_far_away_moves_the_hausdorff_distance_only():
    """6 of 606 faces are less than 5 % of the surface."""
    prediction = cube()
    prediction[9, 9, 24] = True

    metrics = compare(prediction, cube(), ISO)

    assert metrics.hausdorff_mm == pytest.approx(11.0)  # its far face, from the end at 14
    assert metrics.hd95_mm == 0.0
    assert metrics.volume_difference_mm3 == 1.0
    assert metrics.volume_difference_percent == pytest.approx(0.1)


def test_hd95_is_the_larger_of_the_two_directions():
    """A slab with a pillar: most of the pillar is far from the slab, all of the slab is near."""
    slab = box((30, 20, 20), slice(0, 2), slice(0, 20), slice(0, 20))
    pillar = slab | box((30, 20, 20), slice(2, 30), slice(8, 12), slice(8, 12))
    # faces: slab 2·400 + 4·20·2 = 960; with the pillar 960 + 4·4·28 = 1408; the top 5 % (70.4)
    # are the cap's 16 and the upper 3.4 of its 28 layers of 16

    assert compare(pillar, slab, ISO).hd95_mm == compare(slab, pillar, ISO).hd95_mm
    far = math.hypot(24.5, 0.5)  # the side faces of the fourth layer from the top
    assert compare(pillar, slab, ISO).hd95_mm == pytest.approx(far, abs=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_distances_are_millimetres_along_every_axis(axis):
    spacing = (0.5, 0.8, 3.0)
    along_zyx = spacing[::-1]
    first = np.zeros((16, 16, 16), dtype=bool)
    first[4:8, 4:8, 4:8] = True
    second = np.roll(first, 2, axis=axis)

    metrics = compare(first, second, spacing)

    assert metrics.hausdorff_mm == pytest.approx(2 * along_zyx[axis])
    assert metrics.dice == pytest.approx(0.5)


def test_a_voxel_more_is_worth_its_volume():
    more = cube()
    more[4, 4, 3] = True

    metrics = compare(more, cube(), (0.5, 0.5, 2.0))

    assert metrics.volume_difference_mm3 == pytest.approx(0.5)
    assert metrics.volume_difference_percent == pytest.approx(0.1)
    assert compare(cube(), more, (0.5, 0.5, 2.0)).volume_difference_mm3 == pytest.approx(-0.5)


def test_faces_count_with_their_area_however_flat_the_voxels_are():
    """A cube of 8 mm moved 1 mm along z, with voxels of 1 x 1 x 1 or 1 x 1 x 0.25 mm."""
    figures = []
    for step in (1.0, 0.25):
        n = round(1 / step)
        first = np.zeros((16 * n, 12, 12), dtype=bool)
        first[2 * n : 10 * n, 2:10, 2:10] = True
        moved = np.roll(first, n, axis=0)
        figures.append(compare(moved, first, (1.0, 1.0, step)).mean_surface_distance_mm)

    assert figures[0] == pytest.approx(figures[1], rel=0.1)


def test_concentric_spheres_are_as_far_apart_as_their_radii():
    z, y, x = np.ogrid[-40:40, -40:40, -40:40]
    distance = np.sqrt((z + 0.5) ** 2 + (y + 0.5) ** 2 + (x + 0.5) ** 2) * 0.5

    metrics = compare(distance < 15, distance < 12, (0.5, 0.5, 0.5), tolerance_mm=2.5)

    assert metrics.mean_surface_distance_mm == pytest.approx(3.0, abs=0.15)
    assert metrics.hd95_mm == pytest.approx(3.0, abs=0.4)
    assert metrics.surface_dice < 0.02
    assert metrics.dice == pytest.approx(2 * 12**3 / (12**3 + 15**3), abs=0.005)


def test_the_edge_of_the_array_is_a_surface():
    full = np.ones((4, 4, 4), dtype=bool)

    assert compare(full, full, ISO).hausdorff_mm == 0.0
    assert compare(full, full, ISO).surface_dice == 1.0


def test_both_empty_is_not_a_number():
    empty = np.zeros((5, 5, 5), dtype=bool)

    metrics = compare(empty, empty, ISO)

    for name in ("dice", "iou", "hausdorff_mm", "hd95_mm", "mean_surface_distance_mm"):
        assert math.isnan(getattr(metrics, name))
    assert math.isnan(metrics.surface_dice)
    assert math.isnan(metrics.volume_difference_percent)
    assert metrics.volume_difference_mm3 == 0.0


@pytest.mark.parametrize(("empty_is_reference", "percent"), [(True, math.inf), (False, -100.0)])
def test_one_empty_is_infinitely_far(empty_is_reference, percent):
    masks = [cube(), np.zeros_like(cube())]
    prediction, reference = masks if empty_is_reference else masks[::-1]

    metrics = compare(prediction, reference, ISO)

    assert metrics.dice == metrics.iou == metrics.surface_dice == 0.0
    assert metrics.hausdorff_mm == metrics.hd95_mm == math.inf
    assert metrics.mean_surface_distance_mm == math.inf
    assert metrics.volume_difference_percent == percent
    assert metrics.volume_difference_mm3 == (1000.0 if empty_is_reference else -1000.0)


def test_masks_of_different_shape_are_a_mistake():
    with pytest.raises(ValueError, match="do not match"):
        compare(np.ones((3, 3, 3)), np.ones((3, 3, 4)), ISO)


def test_cross_entropy_is_the_mean_of_minus_log_of_what_was_given_to_the_truth():
    probability = np.array([[[0.9, 0.2, 0.5, 0.5]]], dtype=np.float32)
    reference = np.array([[[1, 0, 1, 0]]])

    expected = -(math.log(0.9) + math.log(0.8) + 2 * math.log(0.5)) / 4
    assert cross_entropy(probability, reference) == pytest.approx(expected, rel=1e-6)


def test_a_sure_mistake_costs_16_nats_and_certainty_costs_nothing():
    one = np.ones((2, 2, 2), dtype=np.float32)

    assert cross_entropy(one, np.zeros((2, 2, 2))) == pytest.approx(7 * math.log(10))
    assert cross_entropy(one, one) == 0.0
