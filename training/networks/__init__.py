"""The networks. All take (N, 1, z, y, x) and give logits (N, C, z, y, x) of the same size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import nn

from training.networks.light import FineUNet, LightUNet, unfold_blocks
from training.networks.paper import AttentionUNet3D, UNet3D, VNet

__all__ = [
    "NETWORKS",
    "AttentionUNet3D",
    "FineUNet",
    "LightUNet",
    "UNet3D",
    "VNet",
    "build_network",
    "unfold_blocks",
]

NETWORKS: Final[dict[str, Callable[[tuple[int, ...], int], nn.Module]]] = {
    "light-unet": LightUNet,
    "fine-unet": FineUNet,
    "v-net": VNet,
    "u-net": UNet3D,
    "attention-u-net": AttentionUNet3D,
}
"""The networks by their kind in a config (``training.config.NETWORK_KINDS`` names them too)."""


def build_network(kind: str, channels: tuple[int, ...], outputs: int) -> nn.Module:
    """The network called ``kind`` in a config, with untrained weights."""
    if kind not in NETWORKS:
        raise ValueError(f"network.kind must be one of {', '.join(NETWORKS)}, got {kind!r}")
    return NETWORKS[kind](channels, outputs)
