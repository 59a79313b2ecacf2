import torch

from training.networks import LightUNet, unfold_blocks


def test_eight_channels_become_a_block_of_voxels_in_z_y_x_order():
    x = torch.arange(8.0).reshape(1, 8, 1, 1, 1)

    assert torch.equal(unfold_blocks(x, 1)[0, 0], torch.arange(8.0).reshape(2, 2, 2))


def test_the_answer_has_the_size_of_the_question():
    network = LightUNet((4, 8, 8), outputs=2)

    assert network(torch.zeros(1, 1, 16, 24, 32)).shape == (1, 2, 16, 24, 32)
