"""A dental cone-beam machine: its settings, and what it makes of a head inside its field of view.

What is simulated, and where its size comes from (``ConeBeamSettings.draw`` draws within these):

- **Grey values** are linear in HU but not calibrated (Mah, Reeves, McDavid, Dentomaxillofac Radiol
  39:323, 2010; Pauwels et al., Dentomaxillofac Radiol 42:20120335, 2013). Without a correction of
  scatter, 776 HU read 202 and air read -646 (Catphan, Comput Math Methods Med 2013:637614, table
  1): a gain of 0.5. We take gains of 0.6 to 1.3 and offsets of -400 to 300.
- **Scatter** darkens the middle of the head ("cupping"); its intensity reaches that of the primary
  beam in large objects (Siewerdsen and Jaffray, Med Phys 28:220, 2001), and it was measured on a
  dental machine by Hunter and McDavid (Dentomaxillofac Radiol 41:217, 2012). Here attenuation falls
  by up to 30 % where the head is thick, in proportion to the density around a point.
- **Noise**: SD of 44 to 70 HU in a small phantom (Commun Eng 2:75, 2023, table 2); heads are larger
  and doses lower. We take 60 to 200, correlated over two to three voxels of 0.3 mm.
- **Sharpness**: 10 % modulation at 1.6 to 2.3 line pairs per mm in five machines (Schulze and
  Doering, Dentomaxillofac Radiol 48:20180350, 2019), which as a Gaussian is 0.35 to 0.5 mm wide at
  half its height. A CT of 1 mm voxels stays as blurred as it is.
- **Field of view**: an upright cylinder in front of the ears, which machines fill with one value
  outside; its rim is too bright because the head goes on outside it (Schulze et al.,
  Dentomaxillofac Radiol 40:265, 2011, who also show rings and metal). Their sizes are our choice.

Arrays are [z, y, x]; lengths mm; the cylinder's axis runs along z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

FWHM: Final = 2.355  # of a Gaussian, in standard deviations
RIM_MM: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConeBeamSettings:
    """One machine and one exposure; intensities in HU before the machine's gain unless stated.

    The cylinder is ``diameter_mm`` wide and ``height_mm`` high, ends ``behind_mm`` behind the
    joints' centres and ``above_mm`` above them. One that is too narrow for two joints takes one.
    ``cupping`` is the share of attenuation lost where the head is thickest, ``rim_hu`` the excess
    at the cylinder's wall, ``rings_hu`` the rings' SD near the axis, ``streaks_hu`` the rays' SD
    near metal. ``noise_hu`` (SD), ``limits_hu`` and ``padding_hu`` are grey values as stored.
    ``blur_mm`` and ``grain_mm`` are widths at half height of sharpness and of the noise's grain.
    """

    voxel_mm: float = 0.3
    diameter_mm: float = 150.0
    height_mm: float = 100.0
    behind_mm: float = 20.0
    above_mm: float = 30.0
    gain: float = 1.0
    offset_hu: float = 0.0
    cupping: float = 0.15
    rim_hu: float = 150.0
    rings_hu: float = 25.0
    streaks_hu: float = 120.0
    noise_hu: float = 90.0
    grain_mm: float = 0.7
    blur_mm: float = 0.42
    limits_hu: tuple[float, float] = (-1000.0, 3095.0)
    padding_hu: float = -1000.0

    def __post_init__(self) -> None:
        for name in ("voxel_mm", "diameter_mm", "height_mm", "gain"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name):g}")
        for name in ("rings_hu", "streaks_hu", "noise_hu", "grain_mm", "blur_mm"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name):g}")
        if not 0.0 <= self.cupping < 1.0:
            raise ValueError(f"cupping must lie in [0, 1), got {self.cupping:g}")

    @classmethod
    def draw(cls, rng: np.random.Generator) -> ConeBeamSettings:
        """The settings of some machine: mostly both joints in view, sometimes one."""
        wide = rng.random() < 0.75
        lowest = float(rng.choice((-1000.0, -1024.0, -2000.0)))
        return cls(
            diameter_mm=float(rng.uniform(125.0, 165.0) if wide else rng.uniform(80.0, 100.0)),
            height_mm=float(rng.uniform(80.0, 130.0)),
            behind_mm=float(rng.uniform(5.0, 35.0)),
            above_mm=float(rng.uniform(12.0, 45.0)),
            gain=float(np.exp(rng.uniform(np.log(0.6), np.log(1.3)))),
            offset_hu=float(rng.uniform(-400.0, 300.0)),
            cupping=float(rng.uniform(0.0, 0.3)),
            rim_hu=float(rng.uniform(0.0, 400.0)),
            rings_hu=float(rng.uniform(0.0, 80.0)),
            streaks_hu=float(rng.uniform(0.0, 250.0)),
            noise_hu=float(np.exp(rng.uniform(np.log(60.0), np.log(200.0)))),
            grain_mm=float(rng.uniform(0.5, 0.9)),
            blur_mm=float(rng.uniform(0.35, 0.5)),
            limits_hu=(lowest, float(rng.choice((2000.0, 3071.0, 4095.0)))),
            padding_hu=float(rng.choice((lowest, -1000.0, 0.0, -3024.0))),
        )


def expose(
    hu: Tensor,
    x: Tensor,
    y: Tensor,
    thickness: Tensor,
    metal: npt.NDArray[np.float64],
    *,
    settings: ConeBeamSettings,
    rng: np.random.Generator,
    spacing_mm: float,
) -> None:
    """Turn ``hu`` (z, y, x) in place into what the machine stores inside the cylinder.

    ``x`` and ``y`` are mm from the axis, ``thickness`` (broadcast to z, y, x) 1 in a head's middle,
    ``metal`` (N, 3) in mm: x and y from the axis, z from the first slice's centre.
    """
    radius = torch.hypot(x[None], y[:, None])
    scatter_(hu, radius, thickness, settings, spacing_mm)
    _add_rings_(hu, radius, settings, rng, spacing_mm)
    for point in metal:
        _add_rays_(hu, x, y, point, settings.streaks_hu, rng=rng, spacing_mm=spacing_mm)
    generator = torch.Generator(hu.device).manual_seed(int(rng.integers(2**62)))
    noise = torch.randn(hu.shape, generator=generator, device=hu.device)
    store_(hu, noise, settings, spacing_mm)


def scatter_(
    hu: Tensor, radius: Tensor, thickness: Tensor, settings: ConeBeamSettings, spacing_mm: float
) -> None:
    """Blur ``hu`` (z, y, x) in place; darken it where the head is thick, brighten it at the rim.

    ``radius`` (y, x) is mm from the axis, ``thickness`` as for ``expose``.
    """
    _blur_(hu, settings.blur_mm / FWHM / spacing_mm)
    hu.add_(1000.0).mul_(1.0 - settings.cupping * thickness).sub_(1000.0)
    hu.add_(settings.rim_hu * torch.exp((radius - settings.diameter_mm / 2) / RIM_MM).clamp(max=1))


def store_(hu: Tensor, noise: Tensor, settings: ConeBeamSettings, spacing_mm: float) -> None:
    """Turn HU (z, y, x) in place into stored intensities; white ``noise`` is used up."""
    hu.mul_(settings.gain).add_(settings.offset_hu)
    kept = _blur_(noise, settings.grain_mm / FWHM / spacing_mm)
    hu.add_(noise, alpha=settings.noise_hu / kept).clamp_(*settings.limits_hu)


def _blur_(image: Tensor, sigma: float) -> float:
    """Blur (z, y, x) in place by ``sigma`` voxels; returns the SD that is left of white noise."""
    reach = int(np.ceil(2.5 * sigma - 0.3)) if sigma > 0.2 else 0
    if reach == 0:
        return 1.0
    weights = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
    weights /= weights[0] + 2 * weights[1:].sum()
    for axis, size in enumerate(image.shape):
        first, last = image.narrow(axis, 0, 1), image.narrow(axis, size - 1, 1)
        wide = torch.cat([first] * reach + [image] + [last] * reach, axis)
        image.mul_(float(weights[0]))
        for step in range(1, reach + 1):
            for start in (reach - step, reach + step):
                image.add_(wide.narrow(axis, start, size), alpha=float(weights[step]))
    return float((weights[0] ** 2 + 2 * (weights[1:] ** 2).sum()) ** 1.5)


def _add_rings_(
    hu: Tensor,
    radius: Tensor,
    settings: ConeBeamSettings,
    rng: np.random.Generator,
    spacing_mm: float,
) -> None:
    """Rings about the axis, each some slices high, weaker outwards as more angles share them."""
    index = (radius / spacing_mm).long()
    size = int(index.max()) + 1
    table = ndimage.gaussian_filter(rng.normal(0.0, 1.0, (hu.shape[0], size)), (1.5, 0.6))
    table *= settings.rings_hu / max(float(table.std()), 1e-6)
    table /= np.sqrt(1.0 + np.arange(size) * spacing_mm / 20.0)
    rings = torch.from_numpy(table.astype(np.float32)).to(hu.device)
    for k in range(hu.shape[0]):
        hu[k] += rings[k][index]


def _add_rays_(
    hu: Tensor,
    x: Tensor,
    y: Tensor,
    point: npt.NDArray[np.float64],
    strength_hu: float,
    *,
    rng: np.random.Generator,
    spacing_mm: float,
) -> None:
    """Bright and dark rays about one piece of metal, in the slices near it."""
    dx, dy = x[None] - float(point[0]), y[:, None] - float(point[1])
    angle, away = torch.atan2(dy, dx), torch.hypot(dx, dy)
    rays = torch.zeros_like(away)
    for order in rng.integers(3, 40, 8):
        rays += torch.cos(angle * float(order) + float(rng.uniform(0.0, 2 * np.pi)))
    rays *= strength_hu / 2.0 / (1.0 + away / 25.0)
    level, reach = point[2] / spacing_mm, 6.0 / spacing_mm
    for k in range(max(0, int(level - 2 * reach)), min(len(hu), int(level + 2 * reach) + 1)):
        hu[k] += rays * float(np.exp(-(((k - level) / reach) ** 2)))
