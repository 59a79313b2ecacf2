"""Frames of joints: what is placed, sampled and weighted, on bodies with a known shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.inference.normalise import normalise
from negvol_cli.structures import Label, Side
from training.augment.draws import Draws
from training.augment.frames import draw_frames, still_frame
from training.augment.placement import frame_points, place, random_matrices, rotation
from training.augment.sampling import JointSource
from training.augment_config import AugmentConfig, Look
from training.config import DataConfig, Experiment, TrainConfig
from training.data.joints import JointSample

STILL = AugmentConfig(rotation_deg=0, scale=0, shift_mm=0)
LABELS = (Label.CONDYLE, Label.TEMPORAL_BONE)
CENTRE = (12.3, -4.1, 7.7)


def experiment(augment: AugmentConfig = STILL, gap_weight: float = 1.0, **data) -> Experiment:
    settings = {"spacing_mm": 1.0, "size": 32, "patch": 32, "window_hu": (-1000.0, 1000.0)}
    return Experiment(
        name="x",
        data=DataConfig(object="joints", **{**settings, **data}),
        train=TrainConfig(steps=1, gap_weight=gap_weight),
        augment=augment,
    )


def body(points_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A condyle (an ellipsoid, longer to lateral) and a roof above it, from frame points."""
    x, y, z = np.moveaxis(points_mm, -1, 0)
    condyle = ((x - 3) / 8) ** 2 + (y / 4) ** 2 + ((z + 2) / 5) ** 2 <= 1
    roof = (z >= 6) & (z <= 10) & (np.abs(x) < 12) & (np.abs(y - 2) < 9)
    return condyle, roof


def sample(
    side: Side = Side.LEFT, spacing_mm: float = 0.5, annotated_mm: float = 100.0
) -> JointSample:
    """``body`` in a scan of 70 mm, its labels in a box of 50 mm, on unlike grids."""
    signs = np.array([-1.0 if side is Side.RIGHT else 1.0, 1.0, 1.0])

    def over(extent_mm: float, voxel_mm: tuple[float, float, float]) -> tuple[Grid, np.ndarray]:
        size = tuple(int(extent_mm / v) for v in voxel_mm)
        low = tuple(c - extent_mm / 2 for c in CENTRE)
        grid = Grid(size, voxel_mm, low)
        index = np.moveaxis(np.indices(grid.shape_zyx), 0, -1)[..., ::-1]
        return grid, (grid.to_world(index) - CENTRE) * signs

    grid, points = over(70.0, (spacing_mm, 0.8 * spacing_mm, 1.2 * spacing_mm))
    condyle, roof = body(points)
    ct = np.where(condyle | roof, 800, 0).astype(np.int16)
    box, points = over(50.0, (0.5, 0.5, 0.5))
    condyle, roof = body(points)
    labels = (condyle * 1 + roof * 2).astype(np.uint8)
    return JointSample("made", side, CENTRE, Volume(ct, grid), Volume(labels, box), annotated_mm)


def source(**options) -> JointSource:
    return JointSource.of(sample(**options), LABELS)


def draws(*seeds: int) -> Draws:
    return Draws.seeded([[seed] for seed in seeds])


def test_a_turn_by_90_degrees_about_z_takes_x_to_y():
    turn = rotation(np.array([0.0, 0.0, np.pi / 2]))

    assert turn @ [1.0, 0.0, 0.0] == pytest.approx([0.0, 1.0, 0.0])


def test_without_variation_points_are_the_frames_own():
    points = place(draws(1), STILL, (4, 6, 8), 2.0)

    assert torch.allclose(points[0], frame_points((4, 6, 8), 2.0, "cpu"))
    assert points[0, 0, 0, 0].tolist() == [-7.0, -5.0, -3.0]


def test_matrices_turn_scale_and_stretch_within_what_is_asked():
    config = AugmentConfig(rotation_deg=25, scale=0.13, stretch=0.06)

    matrices = random_matrices(draws(*range(50)), config)

    lengths = np.linalg.norm(matrices, axis=1)
    assert np.abs(np.log(lengths)).max() <= 0.19 + 1e-9
    assert np.linalg.det(matrices).min() > 0
    assert lengths.std(axis=1).max() > 0.02


def test_bending_moves_points_by_millimetres_and_smoothly():
    config = AugmentConfig(
        rotation_deg=0, scale=0, shift_mm=0, elastic_mm=1.6, elastic_share=1, ripple_mm=0.6
    )

    moved = place(draws(*range(8)), config, (64,) * 3, 1.0) - frame_points((64,) * 3, 1.0, "cpu")

    assert 0.2 < float(moved.std()) < 1.6
    assert float(torch.diff(moved, dim=3).abs().max()) < 0.9  # no fold: under the spacing


@pytest.mark.parametrize("side", list(Side))
def test_a_still_frame_is_what_the_product_shows_its_network(side):
    joint = sample(side=side, spacing_mm=0.9)
    one = experiment(size=48, spacing_mm=0.7)

    image, target, weight = still_frame(JointSource.of(joint, LABELS), one)

    frame = joint.frame(0.7, 48)
    assert np.allclose(image[0, 0], normalise(joint.hu(frame), (-1000.0, 1000.0)), atol=1e-3)
    for channel, label in enumerate(LABELS):
        assert np.allclose(target[0, channel], joint.mask(frame, label), atol=1e-3)
    assert weight.min() == 1


def test_mirrored_sides_give_the_same_frame():
    right, left = (still_frame(source(side=side), experiment()) for side in (Side.RIGHT, Side.LEFT))

    assert torch.allclose(right[1], left[1], atol=0.35)  # grids of the two lie half a voxel apart
    assert float((right[1] - left[1]).abs().mean()) < 0.01
    assert float(left[1][0, 0, :, :, 16:].sum()) > 1.5 * float(left[1][0, 0, :, :, :16].sum())


@pytest.mark.parametrize("seed", range(4))
def test_labels_go_with_the_image_to_a_fraction_of_a_voxel(seed):
    augment = AugmentConfig(
        rotation_deg=25, scale=0.13, stretch=0.06, shift_mm=5, elastic_mm=1.6, ripple_mm=0.6
    )

    image, target, weight = draw_frames([source()], draws(seed), experiment(augment))

    bone = (image[0, 0] * 1000 > 400) & (weight[0, 0] > 0)
    labelled = (target[0].amax(dim=0) > 0.5) & (weight[0, 0] > 0)
    overlap = 2 * (bone & labelled).sum() / (bone.sum() + labelled.sum())
    assert float(overlap) > 0.95
    middles = [torch.nonzero(mask).double().mean(dim=0) for mask in (bone, labelled)]
    assert float((middles[0] - middles[1]).norm()) < 0.2


def test_weight_is_nothing_where_labels_the_scan_or_the_annotation_end():
    one = experiment(size=64, spacing_mm=1.0)

    _, _, weight = still_frame(source(), one)
    _, _, near = still_frame(source(annotated_mm=20.0), one)

    known = weight[0, 0] > 0
    assert known[32, 32].sum() == 50  # the labels' box
    away = torch.linalg.vector_norm(frame_points((64,) * 3, 1.0, "cpu"), dim=-1)
    assert ((near[0, 0] > 0) == (away <= 20.0)).all()


def test_weight_is_nothing_outside_a_cut_field_of_view_and_the_padding_stands_there():
    cut = Look(name="cut", share=1.0, cut_share=1.0, padding_hu=(-700.0,))
    one = experiment(
        AugmentConfig(rotation_deg=0, scale=0, shift_mm=0, looks=(cut,)), size=64, patch=64
    )

    image, _, weight = draw_frames([source()] * 4, draws(1, 2, 3, 4), one)

    padded = torch.isclose(image, torch.tensor(-0.7))
    assert padded.flatten(1).any(dim=1).all()
    assert (weight[padded] == 0).all()
    assert float(weight[~padded].mean()) > 0.1


def test_the_gap_counts_more_and_the_far_part_less():
    _, _, weight = draw_frames([source()], draws(1), experiment(gap_weight=3.0, size=48, patch=48))

    (values,) = [sorted(round(float(v), 4) for v in weight.unique())]
    assert values == [0.3, 1.0, 3.0]
    gap = frame_points((48,) * 3, 1.0, "cpu")[weight[0, 0] == 3.0]
    assert gap[:, 2].min() > 0  # between the condyle's top (3) and the roof (6)
    assert gap[:, 2].max() < 9


WILD = AugmentConfig(
    rotation_deg=25,
    elastic_mm=1.6,
    ripple_mm=0.6,
    saturation_share=0.3,
    looks=tuple(
        Look(
            name=str(number),
            share=0.5,
            coarse_share=0.5,
            blur_share=0.5,
            cupping_share=0.5,
            shading_share=0.5,
            streak_share=0.5,
            intensity_map_share=0.5 * number,
            calibration_share=0.5,
            gain=(0.5, 1.5),
            noise_share=0.5,
            sharpen_share=0.5,
            floor_share=0.5,
            cut_share=0.5,
        )
        for number in range(2)
    ),
)


def test_the_same_seed_gives_the_same_batch_and_another_seed_another():
    one = experiment(WILD, rendered_share=0.3, opened_share=0.5)

    first, again = (draw_frames([source()] * 3, draws(1, 2, 3), one) for _ in range(2))
    other = draw_frames([source()] * 3, draws(4, 5, 6), one)

    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_an_image_does_not_depend_on_the_batch_that_it_is_drawn_in():
    one = experiment(WILD, rendered_share=0.3, opened_share=0.5)
    seeds = range(6)

    together = draw_frames([source()] * 6, draws(*seeds), one)

    for number, seed in enumerate(seeds):
        alone = draw_frames([source()], draws(seed), one)
        for whole, part in zip(together, alone, strict=True):
            assert torch.allclose(whole[number], part[0], atol=2e-4)


def test_images_are_finite_and_within_the_window():
    image, target, weight = draw_frames([source()] * 8, draws(*range(8)), experiment(WILD))

    assert torch.isfinite(image).all()
    assert float(image.min()) >= -1
    assert float(image.max()) <= 1
    assert float(target.min()) >= 0
    assert float(target.max()) <= 1 + 1e-5
    assert float(weight.min()) >= 0
