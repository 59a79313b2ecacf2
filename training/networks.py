"""The networks. All take (N, 1, z, y, x) and give logits (N, C, z, y, x) of the same size."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3³ convolutions with instance normalisation and a residual path."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.first_norm = nn.InstanceNorm3d(outputs, affine=True)
        self.second = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.InstanceNorm3d(outputs, affine=True)
        self.skip = nn.Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, z, y, x) to (N, outputs, z, y, x)."""
        y = functional.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return functional.relu(y + self.skip(x))


class LightUNet(nn.Module):
    """A U-Net whose features live at half the resolution of its input and output.

    Each 2³ block of voxels enters as eight channels and leaves as eight channels per label
    (the sub-pixel convolution of Shi et al., CVPR 2016), so that labels keep the input's voxel
    while the costly convolutions see an eighth of the voxels. Clinical head CT is coarser than
    the 0.5 mm joint frame, so little is lost. The size along each axis must be divisible by
    ``2 ** len(channels)``.
    """

    def __init__(self, channels: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.stem = nn.Conv3d(1, channels[0], 2, stride=2)
        self.encoder = nn.ModuleList(Block(n, n) for n in channels)
        self.down = nn.ModuleList(nn.Conv3d(a, b, 2, stride=2) for a, b in pairwise(channels))
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(b, a, 2, stride=2) for a, b in pairwise(channels)
        )
        self.decoder = nn.ModuleList(Block(2 * n, n) for n in channels[:-1])
        self.head = nn.Conv3d(channels[0], 8 * outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, z, y, x) to logits (N, outputs, z, y, x)."""
        x = self.stem(x)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(x)
            if level < len(self.down):
                skips.append(x)
                x = self.down[level](x)
        for level in reversed(range(len(self.decoder))):
            x = self.decoder[level](torch.cat([skips[level], self.up[level](x)], dim=1))
        return unfold_blocks(self.head(x), self.outputs)


def unfold_blocks(x: Tensor, outputs: int) -> Tensor:
    """(N, 8·C, z, y, x) to (N, C, 2z, 2y, 2x): eight channels become a 2³ block of voxels."""
    n, _, z, y, w = x.shape
    x = x.reshape(n, outputs, 2, 2, 2, z, y, w)
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(n, outputs, 2 * z, 2 * y, 2 * w)


def build_network(kind: str, channels: tuple[int, ...], outputs: int) -> nn.Module:
    """The network called ``kind`` in a config."""
    if kind == "light-unet":
        return LightUNet(channels, outputs)
    raise ValueError(f"network.kind must be 'light-unet', got {kind!r}")
