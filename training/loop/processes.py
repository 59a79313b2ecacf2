"""Training in several processes at once, as ``torchrun`` starts them: one for each GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True, slots=True)
class Processes:
    """Which of how many processes this one is, and the device it trains on."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and lines."""
        return self.rank == 0

    def share(self, network: nn.Module) -> nn.Module:
        """``network`` with gradients that are the mean over all processes."""
        if self.count == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        devices = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=devices)

    def mean(self, value: float) -> float:
        """The mean of a number over all processes."""
        if self.count == 1:
            return value
        total = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return float(total) / self.count

    def from_leader(self, value: float) -> float:
        """The leading process's number, in all of them."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared)


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """The processes that ``torchrun`` started together; a single one without it."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = (int(os.environ.get(key, "0")) for key in ("RANK", "LOCAL_RANK"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    own = count > 1 and not distributed.is_initialized()
    if own:
        distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Processes(rank, count, device)
    finally:
        if own:
            distributed.destroy_process_group()


def without_exchange(model: nn.Module) -> AbstractContextManager[None]:
    """A context in which gradients are added up here but not yet exchanged."""
    if isinstance(model, nn.parallel.DistributedDataParallel):
        return model.no_sync()
    return nullcontext()
