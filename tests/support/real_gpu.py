"""The real CUDA device behind the interface of the pretended one, for tests marked `gpu`.

Torch's sync debug mode reports each operation that makes the host wait; it is noted with the line
of gprplus that did it.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pretended import calling_line, forget_cached_tensors

_SYNCHRONIZE = torch.cuda.Event.synchronize


class RealGpu:
    """The first CUDA device; `waits` holds (what, where) of everything the host has waited for.

    Its kernels round differently from the processor's, and convolutions run in TF32: comparisons
    with the processor have tolerances.
    """

    exact = False
    feature_tolerance = 5e-3
    mixed_devices = RuntimeError
    forbidden_wait = RuntimeError

    def __init__(self) -> None:
        self.waits: list[tuple[str, str]] = []

    def on(self, tensor: torch.Tensor) -> bool:
        return tensor.is_cuda

    def forbid_waits(self, forbidden: bool) -> None:
        """Let operations that wait raise, or only note them."""
        torch.cuda.set_sync_debug_mode("error" if forbidden else "warn")

    def waited(self, what: str) -> None:
        self.waits.append((what, calling_line()))


@contextmanager
def real(monkeypatch: Any, free: int = 1 << 30) -> Iterator[RealGpu]:
    """Inside, waits are noted, and gprplus takes the device for one with `free` bytes."""
    gpu = RealGpu()

    def synchronize(event: torch.cuda.Event) -> None:
        gpu.waited("an event")  # the one wait that sync debug mode does not report
        _SYNCHRONIZE(event)

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (free, free))
    monkeypatch.setattr(torch.cuda.Event, "synchronize", synchronize)
    forget_cached_tensors()
    torch.zeros(1, device="cuda")  # the context is created before anything is noted
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = _noting(gpu, warnings.showwarning)
        gpu.forbid_waits(False)
        try:
            yield gpu
        finally:
            torch.cuda.set_sync_debug_mode("default")
            forget_cached_tensors()


def _noting(gpu: RealGpu, show: Callable[..., None]) -> Callable[..., None]:
    def noted(message: Warning | str, *args: Any, **options: Any) -> None:
        if "called a synchronizing CUDA operation" in str(message):
            gpu.waited("an operation")
        else:
            show(message, *args, **options)

    return noted
