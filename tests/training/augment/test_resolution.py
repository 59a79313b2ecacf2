import numpy as np
import pytest
import torch
from scipy import ndimage

from training.augment.resolution import blur, blur_matrix, coarse_matrix, coarse_voxels, sharpen


def test_blur_is_that_of_a_gaussian_along_each_axis():
    hu = torch.zeros(1, 21, 21, 21)
    hu[0, 10, 10, 10] = 1000.0
    sigma_mm = torch.tensor([[1.0, 0.5, 0.75]])

    ours = blur(hu, sigma_mm, spacing_mm=0.5)[0].numpy()

    theirs = ndimage.gaussian_filter(hu[0].numpy(), sigma=(2.0, 1.0, 1.5), mode="nearest")
    assert ours.sum() == pytest.approx(1000.0, rel=1e-4)
    for axis, sigma in enumerate((2.0, 1.0, 1.5)):
        spread = (np.arange(21) - 10) ** 2
        profile = ours.sum(axis=tuple(a for a in range(3) if a != axis))
        # a voxel wide, so a twelfth more than the Gaussian's own variance
        assert (profile * spread).sum() / profile.sum() == pytest.approx(
            sigma**2 + 1 / 12, rel=0.02
        )
    assert np.abs(ours - theirs).max() < 0.1 * theirs.max()


def test_each_image_of_a_batch_is_blurred_by_its_own_width():
    hu = torch.randn(2, 12, 12, 12)
    sigma_mm = torch.tensor([[0.0] * 3, [1.0] * 3])

    both = blur(hu, sigma_mm, 0.5)

    assert torch.allclose(both[0], hu[0], atol=1e-5)
    assert torch.allclose(both[1:], blur(hu[1:], sigma_mm[1:], 0.5), atol=1e-5)
    assert both[1].std() < 0.5 * hu[1].std()


@pytest.mark.parametrize("sigma", [0.0, 0.3, 2.0, 8.0])
def test_a_uniform_image_stays_as_it_is_however_it_is_blurred(sigma):
    assert torch.allclose(blur_matrix(torch.tensor([sigma]), 16).sum(-1), torch.ones(16), atol=1e-5)


@pytest.mark.parametrize("ratio", [1.0, 1.7, 3.0, 6.5])
@pytest.mark.parametrize("phase", [0.0, 0.4])
def test_a_uniform_image_stays_as_it_is_in_voxels_of_any_size(ratio, phase):
    matrix = coarse_matrix(torch.tensor([ratio]), torch.tensor([phase]), 20)

    assert matrix.min() >= 0
    assert torch.allclose(matrix.sum(-1), torch.ones(20), atol=1e-5)


def test_voxels_no_coarser_than_the_frames_leave_it_as_it_is():
    hu = torch.randn(1, 8, 8, 8)

    same = coarse_voxels(hu, torch.tensor([[0.3, 0.5, 0.5]]), torch.zeros(1, 3), 0.5)

    assert torch.allclose(same, hu, atol=1e-5)


def test_voxels_of_two_hold_the_mean_of_two():
    hu = torch.tensor([0.0, 2.0, 4.0, 8.0]).reshape(1, 4, 1, 1).expand(1, 4, 4, 4)

    thick = coarse_voxels(hu, torch.tensor([[2.0, 1.0, 1.0]]), torch.zeros(1, 3), 1.0)

    # means 1 and 6 at the middles of the pairs, a quarter and three quarters of the way between
    assert thick[0, :, 0, 0].tolist() == pytest.approx([1.0, 2.25, 4.75, 6.0])


def test_sharpening_overshoots_at_an_edge_and_nowhere_else():
    hu = torch.zeros(1, 16, 16, 16)
    hu[..., 8:] = 100.0

    sharp = sharpen(hu, torch.tensor([1.0]), torch.tensor([0.5]), 0.5)[0, 8, 8]

    assert sharp[7] < -5
    assert sharp[8] > 105
    assert sharp[[0, 1, 14, 15]].tolist() == pytest.approx([0, 0, 100, 100], abs=1e-3)
