"""The paper's networks, by MONAI: V-Net, 3D U-Net, and 3D U-Net with attention gates.

All three answer with a logit per label and voxel, of which the sigmoid is the probability; the
paper's had two channels, object and background, and a softmax, which for one object is the same
function written with one redundant channel. All three halve the image four times, so an image of
another size is extended by its border to multiples of 16 and the answer cut back: frames of
120 × 150 × 70 voxels are seen as 128 × 160 × 80.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import ConfigError

LEVELS: Final = 5
STRIDE: Final = 2 ** (LEVELS - 1)
VNET_CHANNELS: Final = (16, 32, 64, 128, 256)
GROUPS: Final = 8
THIN: Final = 16
AMX: Final = torch.cpu._is_amx_tile_supported()  # oneDNN then takes other kernels, which are right


class _WholeConv3d(nn.Conv3d):
    """A convolution that reckons thin images in float32 on a CPU without AMX.

    There oneDNN as of PyTorch 2.13 gives wrong, now and then infinite gradients for the weights of
    bfloat16 convolutions over, say, 2 × 4 × 3 voxels with kernels of 3³, and 4 × 8 × 6 with 5³.
    """

    def forward(self, x: Tensor) -> Tensor:
        """As ``nn.Conv3d``."""
        thin = x.device.type == "cpu" and min(x.shape[2:]) < THIN
        if thin and not AMX and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)


class Padded(nn.Module):
    """A network that wants sides divisible by 16, for images of any size."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        for module in inner.modules():
            if type(module) is nn.Conv3d:
                module.__class__ = _WholeConv3d
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, z, y, x) to logits (N, C, z, y, x)."""
        size = x.shape[2:]
        missing = [-n % STRIDE for n in size]
        if not any(missing):
            return self.inner(x)  # type: ignore[no-any-return]
        before = [n // 2 for n in missing]
        pads = [side for m, b in zip(missing, before, strict=True) for side in (m - b, b)]
        y: Tensor = self.inner(functional.pad(x, pads[::-1], mode="replicate"))
        z0, y0, x0 = before
        return y[:, :, z0 : z0 + size[0], y0 : y0 + size[1], x0 : x0 + size[2]]


class VNet(Padded):
    """V-Net (Milletari et al., 3DV 2016): 5³ kernels, 16 channels at the top, 256 at the bottom.

    MONAI's differs from that paper in its batch normalisation after every convolution, which the
    method's authors' has too. Its dropout, which V-Net's paper does not have, is off.
    ``channels`` can only be 16, 32, 64, 128, 256.
    """

    def __init__(self, channels: tuple[int, ...], outputs: int) -> None:
        if channels != VNET_CHANNELS:
            raise ConfigError(
                f"network.channels must be {list(VNET_CHANNELS)} where network.kind is 'v-net', "
                f"got {list(channels)}"
            )
        from monai.networks.nets import (
            vnet,
        )  # slow to import, and the light networks need none of it

        super().__init__(
            vnet.VNet(
                in_channels=1,
                out_channels=outputs,
                act="prelu",
                dropout_prob_down=None,
                dropout_prob_up=(None, 0.0),
            )
        )


class UNet3D(Padded):
    """3D U-Net (Çiçek et al., MICCAI 2016), normalised by groups of channels as the method's was.

    MONAI's BasicUNet. It differs from the paper of 2016 in that an image is halved four times and
    not three, in padded convolutions, in group normalisation (in 8 groups; batch there), and in
    that channels are doubled after pooling and not before.
    """

    def __init__(self, channels: tuple[int, ...], outputs: int) -> None:
        _five("u-net", channels)
        if any(n % GROUPS for n in channels):
            raise ConfigError(
                f"network.channels must be multiples of {GROUPS} where network.kind is 'u-net', "
                f"got {list(channels)}"
            )
        from monai.networks.nets import basic_unet

        super().__init__(
            basic_unet.BasicUNet(
                in_channels=1,
                out_channels=outputs,
                features=(*channels, channels[0]),
                act="relu",
                norm=("group", {"num_groups": GROUPS}),
            )
        )


class AttentionUNet3D(Padded):
    """3D U-Net with additive attention gates on its skips (Oktay et al., MIDL 2018).

    MONAI's AttentionUnet. It differs from that paper in that a gate looks at the upsampled
    features of the level below, at the skip's own resolution, in strided convolutions for pooling,
    in one convolution and not two after each merge, and in that there is no deep supervision. It
    normalises by batch, unlike the 3D U-Net here.
    """

    def __init__(self, channels: tuple[int, ...], outputs: int) -> None:
        _five("attention-u-net", channels)
        from monai.networks.nets import attentionunet

        super().__init__(
            attentionunet.AttentionUnet(
                spatial_dims=3,
                in_channels=1,
                out_channels=outputs,
                channels=channels,
                strides=(2,) * (LEVELS - 1),
            )
        )


def _five(kind: str, channels: tuple[int, ...]) -> None:
    if len(channels) != LEVELS:
        raise ConfigError(
            f"network.channels must hold {LEVELS} numbers where network.kind is {kind!r}, "
            f"got {list(channels)}"
        )
