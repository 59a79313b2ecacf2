import pytest
import torch
from torch import nn

from training.config import NETWORK_KINDS, ConfigError
from training.networks import NETWORKS, LightUNet, build_network, paper, unfold_blocks
from training.networks.paper import Padded

TOP = (16, 32, 64, 128, 256)
SMALL = (8, 8, 16, 16, 16)


def convolutions(network: nn.Module) -> list[nn.Conv3d]:
    return [m for m in network.modules() if isinstance(m, nn.Conv3d)]


def test_eight_channels_become_a_block_of_voxels_in_z_y_x_order():
    x = torch.arange(8.0).reshape(1, 8, 1, 1, 1)

    assert torch.equal(unfold_blocks(x, 1)[0, 0], torch.arange(8.0).reshape(2, 2, 2))


def test_the_answer_has_the_size_of_the_question():
    network = LightUNet((4, 8, 8), outputs=2)

    assert network(torch.zeros(1, 1, 16, 24, 32)).shape == (1, 2, 16, 24, 32)


def test_a_config_can_name_every_network_and_no_other():
    assert set(NETWORKS) == set(NETWORK_KINDS)


@pytest.mark.parametrize(
    ("kind", "channels"), [("v-net", TOP), ("u-net", SMALL), ("attention-u-net", SMALL)]
)
def test_the_papers_networks_take_images_whose_sides_are_no_powers_of_two(kind, channels):
    network = build_network(kind, channels, outputs=2).eval()

    with torch.inference_mode():
        assert network(torch.zeros(1, 1, 9, 17, 12)).shape == (1, 2, 9, 17, 12)


@pytest.mark.parametrize("size", [(16, 16, 16), (5, 17, 31), (35, 75, 60)])
def test_a_padded_image_is_cut_back_to_where_it_was(size):
    x = torch.randn(1, 1, *size)

    assert torch.equal(Padded(nn.Identity())(x), x)


def test_a_padded_network_sees_the_papers_frame_as_multiples_of_16():
    seen = []

    class Looking(nn.Module):
        def forward(self, x):
            seen.append(tuple(x.shape[2:]))
            return x

    Padded(Looking())(torch.zeros(1, 1, 70, 150, 120))

    assert seen == [(80, 160, 128)]


def test_v_net_has_kernels_of_5_and_16_channels_at_the_top_and_256_at_the_bottom():
    found = convolutions(build_network("v-net", TOP, 1))

    assert found[0].kernel_size == (5, 5, 5)
    assert (found[0].in_channels, found[0].out_channels) == (1, 16)
    assert max(c.out_channels for c in found) == 256
    assert {c.kernel_size for c in found} == {(5, 5, 5), (2, 2, 2), (1, 1, 1)}


def test_attention_gates_are_what_the_u_net_lacks():
    gates = [
        name
        for name, _ in build_network("attention-u-net", SMALL, 1).named_modules()
        if name.endswith(".psi")
    ]

    assert len(gates) == 4


@pytest.mark.parametrize(
    ("kind", "channels", "sentence"),
    [
        ("v-net", SMALL, r"must be \[16, 32, 64, 128, 256\] where network.kind is 'v-net', got"),
        ("u-net", (8, 16), "must hold 5 numbers where network.kind is 'u-net'"),
        ("u-net", (4, 8, 16, 32, 64), "must be multiples of 8"),
        ("attention-u-net", (8, 16), "must hold 5 numbers"),
    ],
)
def test_channels_that_do_not_fit_the_network_are_named(kind, channels, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build_network(kind, channels, 1)


@pytest.mark.parametrize(("size", "kernel"), [((2, 4, 3), 3), ((4, 8, 6), 5), ((8, 16, 12), 5)])
def test_gradients_over_few_voxels_in_mixed_precision_are_those_of_full_precision(size, kernel):
    torch.manual_seed(0)
    network = Padded(nn.Sequential(nn.Conv3d(64, 64, kernel, padding=kernel // 2)))
    x = torch.randn(1, 64, *size)
    found = []
    for mixed in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            network.inner(x).float().square().sum().backward()
        found.append(network.inner[0].weight.grad.clone())

    full, mixed = found
    assert (mixed - full).norm() < 0.02 * full.norm()


def test_without_amx_few_voxels_are_convolved_in_full_precision(monkeypatch):
    monkeypatch.setattr(paper, "AMX", False)
    network = Padded(nn.Sequential(nn.Conv3d(8, 8, 3, padding=1)))

    with torch.autocast("cpu", torch.bfloat16):
        assert network.inner(torch.randn(1, 8, 2, 4, 3)).dtype == torch.float32
