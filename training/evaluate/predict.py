"""Asking a trained network."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from negvol_cli.geometry.grid import Volume
from negvol_cli.steps.localise import Localisation, Tiling, locate
from training.config import Experiment


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights are; the CPU for one without."""
    weight = next(network.parameters(), None)
    return torch.device("cpu") if weight is None else weight.device


def probabilities(network: nn.Module, image: Tensor) -> npt.NDArray[np.float32]:
    """Probabilities (C, z, y, x) of an image (1, 1, z, y, x), reckoned where the network is."""
    with torch.inference_mode():
        logits = network(image.to(device_of(network)))
        return np.asarray(torch.sigmoid(logits)[0].float().cpu().numpy())


def predict(network: nn.Module, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities (C, z, y, x) of a normalised image (z, y, x)."""
    return probabilities(network, torch.from_numpy(np.ascontiguousarray(image))[None, None])


def find(network: nn.Module, experiment: Experiment, volume: Volume) -> Localisation:
    """What the localiser ``network`` finds in a scan."""
    data = experiment.data
    tiling = Tiling(data.size_zyx[0], data.spacing_mm, data.window_hu)
    return locate(volume, partial(predict, network), tiling)
