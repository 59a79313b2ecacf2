"""How finely a scanner sees: blur, thick slices and coarse voxels, axis by axis.

All of them are linear and separable, so what happens to one axis of one image is a matrix over its
voxels, and a batch with a different scanner for each image is three matrix products, on a GPU and
on a CPU alike. Images are (B, z, y, x); the border's value goes on outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

AXES = (1, 2, 3)


def blur(hu: Tensor, sigma_mm: Tensor, spacing_mm: float) -> Tensor:
    """Images blurred by Gaussians of ``sigma_mm`` (B, 3) along z, y, x.

    A scanner's kernel, its focal spot and its slice profile blur each axis by its own width.
    """
    return along_axes(hu, [blur_matrix(s / spacing_mm, n) for s, n in _axes(sigma_mm, hu)])


def coarse_voxels(hu: Tensor, voxel_mm: Tensor, phase: Tensor, spacing_mm: float) -> Tensor:
    """Images as read back from voxels of ``voxel_mm`` (B, 3) along z, y, x.

    Each voxel holds the mean of what it covers (a thick slice sums what lies in it), and frames
    are interpolated linearly between voxels, as the product does. ``phase`` (B, 3), 0 to 1, is
    where the first voxel begins, in voxels before the image.
    """
    ratios = _axes((voxel_mm / spacing_mm).clamp(min=1.0), hu)
    matrices = [coarse_matrix(ratio, phase[:, axis], n) for axis, (ratio, n) in enumerate(ratios)]
    return along_axes(hu, matrices)


def sharpen(hu: Tensor, amount: Tensor, sigma_mm: Tensor, spacing_mm: float) -> Tensor:
    """Images with ``amount`` (B,) times their detail finer than ``sigma_mm`` (B,) added.

    A bone kernel's overshoot at edges (unsharp masking).
    """
    soft = blur(hu, sigma_mm[:, None].expand(-1, 3), spacing_mm)
    return hu + amount.reshape(-1, 1, 1, 1) * (hu - soft)


def along_axes(hu: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Images (B, z, y, x) with a matrix (B, n, n) applied along each of z, y and x."""
    along_z, along_y, along_x = matrices
    b, z, y, x = hu.shape
    hu = torch.bmm(along_z, hu.reshape(b, z, y * x)).reshape(b, z, y, x)
    hu = torch.matmul(along_y[:, None], hu)
    return torch.bmm(hu.reshape(b, z * y, x), along_x.transpose(1, 2)).reshape(b, z, y, x)


def blur_matrix(sigma: Tensor, size: int) -> Tensor:
    """(B, size, size): a Gaussian of ``sigma`` (B,) voxels, all of its weight in the image.

    Weights that would fall outside go to the outermost voxel, whose value so goes on. Each voxel's
    weight is the Gaussian's area over it, so that narrow kernels are right as well.
    """
    at = torch.arange(size, device=sigma.device, dtype=torch.float32)
    edges = torch.arange(1, size, device=sigma.device, dtype=torch.float32) - 0.5
    scaled = (edges - at[:, None]) / (sigma.clamp(min=1e-3) * 2**0.5)[:, None, None]
    below = 0.5 * (1.0 + torch.erf(scaled))  # the share below each edge between voxels
    ones = torch.ones_like(below[..., :1])
    return torch.diff(torch.cat([torch.zeros_like(ones), below, ones], dim=-1), dim=-1)


def coarse_matrix(ratio: Tensor, phase: Tensor, size: int) -> Tensor:
    """(B, size, size): means over voxels ``ratio`` (B,) times as long, interpolated back.

    The first voxel begins ``phase`` (B,), 0 to 1, of its length before the image.
    """
    ratio, phase = ratio[:, None, None], phase[:, None, None]
    number = torch.arange(size + 1, device=ratio.device, dtype=torch.float32)
    low = (number[:, None] - phase) * ratio  # (B, voxels, 1): where each coarse voxel begins
    fine = torch.arange(size, device=ratio.device, dtype=torch.float32)
    overlap = (torch.minimum(low + ratio, fine + 1) - torch.maximum(low, fine)).clamp(min=0)
    covered = overlap.sum(dim=-1, keepdim=True)
    means = overlap / covered.clamp(min=1e-6)
    middle = (low + ratio / 2).transpose(1, 2)
    between = (1 - (fine[:, None] + 0.5 - middle).abs() / ratio).clamp(min=0)
    between = between * (covered > 1e-6).transpose(1, 2)
    return torch.bmm(between / between.sum(dim=-1, keepdim=True), means)


def _axes(values: Tensor, hu: Tensor) -> list[tuple[Tensor, int]]:
    """(B,) and the image's size for each of z, y and x."""
    return [(values[:, axis], hu.shape[1 + axis]) for axis in range(3)]
