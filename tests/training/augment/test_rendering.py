import numpy as np
import pytest
import torch

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import Label, Side
from training.augment.draws import Draws
from training.augment.frames import draw_frames
from training.augment.placement import frame_points
from training.augment.rendering import open_points, render
from training.augment.sampling import JointSource
from training.augment_config import AugmentConfig
from training.config import DataConfig, Experiment, TrainConfig
from training.data.joints import JointSample

STILL = AugmentConfig(rotation_deg=0, scale=0, shift_mm=0)


def draws(*seeds: int) -> Draws:
    return Draws.seeded([[seed] for seed in seeds])


def ball_under_a_roof() -> torch.Tensor:
    points = frame_points((48,) * 3, 1.0, "cpu")
    ball = torch.linalg.vector_norm(points, dim=-1) <= 9
    roof = (points[..., 2] > 12) & (points[..., 2] < 16)
    return torch.stack([ball, roof]).float()


@pytest.mark.parametrize("seed", range(6))
def test_bones_are_brighter_than_what_is_round_them_and_marrow_lies_within(seed):
    masks = ball_under_a_roof()[None]

    hu = render(masks, draws(seed), 1.0)[0]

    ball, roof = masks[0] > 0.5
    away = torch.linalg.vector_norm(frame_points((48,) * 3, 1.0, "cpu"), dim=-1)
    assert hu[roof].mean() > 500
    assert hu[(away > 8.2) & ball].mean() > 400
    assert hu[away < 4].mean() < hu[(away > 8.2) & ball].mean()
    assert hu[~ball & ~roof].max() < 100
    assert hu[~ball & ~roof].min() >= -1000


def test_intensities_differ_from_draw_to_draw():
    masks = ball_under_a_roof()[None].expand(2, -1, -1, -1, -1)

    one, other = render(masks, draws(1, 2), 1.0)

    assert (one[masks[0, 1] > 0.5].mean() - other[masks[0, 1] > 0.5].mean()).abs() > 20


def test_an_opened_mandible_slides_forward_and_down_and_turns_its_chin_down():
    # a point comes from where it was before the move
    forward = open_points(torch.zeros(1, 1, 1, 1, 3), torch.tensor([5.0]), torch.zeros(1))
    assert forward.flatten().tolist() == pytest.approx([0.0, 5.0, 3.0])

    chin_opened = torch.tensor([0.0, -40.0 - 5, -30.0]).reshape(1, 1, 1, 1, 3)
    came_from = open_points(chin_opened, torch.zeros(1), torch.tensor([0.3])).flatten()
    assert float(came_from[2]) > -30.0  # the chin was higher, with the mouth closed


def test_a_joint_without_a_scan_is_rendered_and_its_mandible_moves_while_the_skull_stays():
    masks = ball_under_a_roof().numpy()
    labels = (masks[0] * Label.CONDYLE + masks[1] * Label.TEMPORAL_BONE).astype(np.uint8)
    grid = Grid((48,) * 3, (1.0,) * 3, (-23.5,) * 3)
    joint = JointSample("map", Side.LEFT, (0.0, 0.0, 0.0), None, Volume(labels, grid))
    source = JointSource.of(joint, (Label.CONDYLE, Label.TEMPORAL_BONE))
    data = DataConfig(
        object="joints",
        spacing_mm=1.0,
        size=40,
        patch=40,
        window_hu=(-1000.0, 1000.0),
        opened_share=1.0,
        opening_deg=0.0,
    )
    one = Experiment(name="x", data=data, train=TrainConfig(steps=1), augment=STILL)

    image, target, weight = draw_frames([source] * 6, draws(*range(6)), one)

    def height(masks: torch.Tensor) -> list[float]:
        return [float(torch.nonzero(mask > 0.5)[:, 0].double().mean()) for mask in masks]

    assert np.std(height(target[:, 0])) > 1.0
    assert np.std(height(target[:, 1])) == 0.0
    assert (image[target[:, 1:] > 0.5] > 0.3).float().mean() > 0.95
    both = (target > 0.5).all(dim=1, keepdim=True)
    assert (weight[both] == 0).all()


def test_nothing_is_asked_where_a_moved_mandible_would_come_from_beyond_its_labels():
    labels = np.full((24, 24, 24), Label.CONDYLE, np.uint8)
    grid = Grid((24,) * 3, (1.0,) * 3, (-11.5,) * 3)
    joint = JointSample("map", Side.LEFT, (0.0, 0.0, 0.0), None, Volume(labels, grid))
    source = JointSource.of(joint, (Label.CONDYLE, Label.TEMPORAL_BONE))
    data = DataConfig(
        object="joints",
        spacing_mm=1.0,
        size=24,
        patch=24,
        window_hu=(-1000.0, 1000.0),
        opened_share=1.0,
        opening_mm=100.0,
        opening_deg=0.0,
    )
    one = Experiment(name="x", data=data, train=TrainConfig(steps=1), augment=STILL)

    _, _, weight = draw_frames([source] * 6, draws(*range(6)), one)

    known = weight.flatten(1).gt(0).float().mean(dim=1)
    assert float(known.min()) == 0.0  # slid by more than the labels are wide
    assert float(known.max()) < 1.0


def test_a_scan_that_is_rendered_shows_its_labels_not_its_greys():
    masks = ball_under_a_roof().numpy()
    labels = (masks[0] * Label.CONDYLE + masks[1] * Label.TEMPORAL_BONE).astype(np.uint8)
    grid = Grid((48,) * 3, (1.0,) * 3, (-23.5,) * 3)
    ct = Volume(np.full((48,) * 3, 77, np.int16), grid)
    joint = JointSample("made", Side.LEFT, (0.0, 0.0, 0.0), ct, Volume(labels, grid))
    source = JointSource.of(joint, (Label.CONDYLE, Label.TEMPORAL_BONE))
    data = DataConfig(
        object="joints", spacing_mm=1.0, size=40, patch=40, window_hu=(-1000.0, 1000.0)
    )
    plain = Experiment(name="x", data=data, train=TrainConfig(steps=1), augment=STILL)

    as_scanned, _, _ = draw_frames([source], draws(1), plain)
    rendered, _, _ = draw_frames([source], draws(1), plain.changed(data={"rendered_share": 1.0}))

    assert torch.allclose(as_scanned, torch.tensor(0.077), atol=1e-3)
    assert rendered.std() > 0.1
