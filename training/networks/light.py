"""The default bundle's networks: light enough for two cores."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

FINE_CHANNELS: Final = 8


Norm = Callable[[int], nn.Module]
"""Makes the normalisation of so many channels."""


def each_by_itself(channels: int) -> nn.Module:
    """Instance normalisation: what an image shows shifts all of its features."""
    return nn.InstanceNorm3d(channels, affine=True)


def settling(channels: int) -> nn.Module:
    """Batch normalisation, for the loop to settle: an image's content and size then do not matter.

    Trained with one image at a time it acts as instance normalisation does, until the loop lets
    it use the averages that it gathered (``train.settle_steps``), as it does when it is run.
    """
    return nn.BatchNorm3d(channels, momentum=0.02)


class Block(nn.Module):
    """Two 3³ convolutions, each normalised, and a residual path."""

    def __init__(self, inputs: int, outputs: int, norm: Norm = each_by_itself) -> None:
        super().__init__()
        self.first = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.first_norm = norm(outputs)
        self.second = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = norm(outputs)
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

    def __init__(
        self, channels: tuple[int, ...], outputs: int, norm: Norm = each_by_itself
    ) -> None:
        super().__init__()
        self.outputs = outputs
        self.stem = nn.Conv3d(1, channels[0], 2, stride=2)
        self.encoder = nn.ModuleList(Block(n, n, norm) for n in channels)
        self.down = nn.ModuleList(nn.Conv3d(a, b, 2, stride=2) for a, b in pairwise(channels))
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(b, a, 2, stride=2) for a, b in pairwise(channels)
        )
        self.decoder = nn.ModuleList(Block(2 * n, n, norm) for n in channels[:-1])
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


class FineUNet(nn.Module):
    """A LightUNet whose logits are corrected at full resolution, next to the image itself.

    Two 3³ convolutions see the image and the logits at the input's voxel, so that the edge of a
    bone can follow the intensities within a millimetre. Normalisation settles: with instance
    normalisation, edges moved by up to half a voxel with the size of the image and with how much
    bone it showed.
    """

    def __init__(self, channels: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.rough = LightUNet(channels, outputs, settling)
        self.fine = nn.Sequential(
            nn.Conv3d(1 + outputs, FINE_CHANNELS, 3, padding=1),
            nn.ReLU(),
            nn.Conv3d(FINE_CHANNELS, outputs, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, z, y, x) to logits (N, outputs, z, y, x)."""
        logits: Tensor = self.rough(x)
        corrected: Tensor = logits + self.fine(torch.cat([x, logits], dim=1))
        return corrected


def unfold_blocks(x: Tensor, outputs: int) -> Tensor:
    """(N, 8·C, z, y, x) to (N, C, 2z, 2y, 2x): eight channels become a 2³ block of voxels."""
    n, _, z, y, w = x.shape
    x = x.reshape(n, outputs, 2, 2, 2, z, y, w)
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(n, outputs, 2 * z, 2 * y, 2 * w)
