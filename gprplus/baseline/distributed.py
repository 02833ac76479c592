"""Several processes that train one network, as `torchrun` starts them; one process alone is a group
of one.

Each takes an equal share of every step's identities. Features are gathered, so that triplets are
found in the whole batch; batch normalisation takes its statistics over the whole batch too. Two
processes then compute what one would, but for the order of sums.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import torch
from torch import distributed, nn

from gprplus.baseline.first_process import FirstProcess, lost_process
from gprplus.core.errors import RecipeError

T = TypeVar("T")
# Of a collective operation, which all processes reach at about the same time: those that only wait
# for the first one do so in `first_process`.
TIMEOUT = timedelta(minutes=20)


@dataclass(frozen=True)
class ProcessGroup:
    """The position of this process (`rank`, from 0) among `size`."""

    rank: int = 0
    size: int = 1
    first_process: FirstProcess | None = field(default=None, compare=False, repr=False)

    @property
    def first(self) -> bool:
        """Return True in the process that writes files."""
        return self.rank == 0

    def shard(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the part of this process of the rows of a step, which are sorted by identity."""
        return rows if self.size == 1 else rows.chunk(self.size)[self.rank]

    def all_gather(self, own: torch.Tensor) -> torch.Tensor:
        """Return the rows of all processes, in the order of their ranks; without a graph."""
        if self.size == 1:
            return own
        parts = [torch.empty_like(own) for _ in range(self.size)]
        with _answers():
            distributed.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    def local_part(self, whole: torch.Tensor | None) -> torch.Tensor:
        """Return the rows of this process in the result of `all_gather`."""
        assert whole is not None
        return whole.chunk(self.size)[self.rank]

    def convert_batchnorm(self, network: nn.Module) -> nn.Module:
        """The network with its backbone's batch normalisation over all processes; itself where
        there is one.

        The neck sees the gathered batch in every process, and so has all its statistics already.
        """
        if self.size == 1:
            return network
        if next(network.parameters()).is_cuda:
            network.backbone = nn.SyncBatchNorm.convert_sync_batchnorm(network.backbone)
            return network
        return _shared_statistics(network)

    def average_gradients(self, network: nn.Module) -> None:
        """Replace every gradient by its mean over processes, in one message."""
        if self.size == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        _add_up(flat)
        flat /= self.size
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))

    def broadcast(self, value: T) -> T:
        """The first process's value, in all of them."""
        if self.size == 1:
            return value
        self._wait_for_the_first()
        box: list[Any] = [value]
        with _answers():
            distributed.broadcast_object_list(box, src=0)
        return box[0]

    def barrier(self) -> None:
        """Wait until all processes have reached this point; for the first, as long as it lives."""
        if self.size > 1:
            self._wait_for_the_first()
            with _answers():
                distributed.barrier()

    def _wait_for_the_first(self) -> None:
        if self.first_process:
            self.first_process.reached()

    def check_divisible(self, identities: int) -> None:
        """Raise RecipeError when a step's identities cannot be shared out equally."""
        if identities % self.size:
            raise RecipeError(
                f"{self.size} processes cannot share {identities} identities a step equally: start"
                " another number of them, or take a recipe whose batch.identities divides by it."
            )


def join_process_group(device: str) -> ProcessGroup:
    """The group that `torchrun` started this process in, joined; a group of one outside it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ProcessGroup()
    if not distributed.is_initialized():
        if device.startswith("cuda"):
            # What is sent without being a tensor travels by the process's GPU too: else all of them
            # take the first one.
            torch.cuda.set_device(device)
            distributed.init_process_group("nccl", timeout=TIMEOUT, device_id=torch.device(device))
        else:
            distributed.init_process_group("gloo", timeout=TIMEOUT)
    rank = distributed.get_rank()
    return ProcessGroup(rank, size, _first_process(rank))


@cache  # its points are counted through all benchmarks of a process
def _first_process(rank: int) -> FirstProcess:
    store = distributed.distributed_c10d._get_default_store()
    return FirstProcess(store, is_first=rank == 0)


def local_process_count() -> int:
    """Return the number of processes of the group that share the cores of this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def local_device(device: str) -> str:
    """`cuda` as the one that belongs to this process; any other as it is."""
    return (
        f"cuda:{os.environ['LOCAL_RANK']}"
        if device == "cuda" and "LOCAL_RANK" in os.environ
        else device
    )


@contextmanager
def _answers() -> Iterator[None]:
    """Inside, a process that does not answer is a TrainingError."""
    try:
        yield
    except RuntimeError as error:
        raise lost_process(str(error)) from error


def _add_up(tensor: torch.Tensor) -> torch.Tensor:
    """Replace a tensor by its sum over processes, and return it."""
    with _answers():
        distributed.all_reduce(tensor)
    return tensor


class _Sum(torch.autograd.Function):
    """The sum over processes, which each of them depends on: its gradient is the sum of theirs."""

    @staticmethod
    def forward(context: Any, own: torch.Tensor) -> torch.Tensor:
        return _add_up(own.clone())

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        return _add_up(gradient.clone())


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over all processes, for those without a GPU; torch's own is for GPUs
    alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        x32 = x.float()
        count = x.numel() / x.shape[1] * distributed.get_world_size()
        mean = _Sum.apply(x32.sum((0, 2, 3))) / count
        centred = x32 - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            momentum = self.momentum or 0.0
            self.running_mean.lerp_(mean, momentum)  # type: ignore[union-attr]
            self.running_var.lerp_(variance * count / (count - 1), momentum)  # type: ignore[union-attr]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def _shared_statistics(network: nn.Module) -> nn.Module:
    for parent, name, norm in _norms(network):
        shared = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum)
        shared.load_state_dict(norm.state_dict())
        setattr(parent, name, shared.train(norm.training))
    return network


def _norms(network: nn.Module) -> Sequence[tuple[nn.Module, str, nn.BatchNorm2d]]:
    return [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.BatchNorm2d)
    ]
