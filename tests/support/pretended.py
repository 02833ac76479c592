"""A pretended GPU: tensors lie in main memory and are computed there, but carry a label of where
they would lie.

Inside, `device="cuda"` is taken for what it says. An operation that mixes devices raises, as it
would there. So does one stream's use of what another one is still writing, or may free too early.
What makes the host wait for the device is noted, with the line of gprplus that did it. Values are
real, so that whole trainings run and can be compared.

It knows operations by name: those that wait on CUDA (a mask as an index, a count of nonzeros, a
scalar read) are listed here from CUDA's own kernels. Speed, memory and the arithmetic of the
kernels are what it cannot show.
"""

import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper, partial
from typing import Any

import pytest
import torch
from torch._utils import _get_device_index
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
GPU = torch.device("cuda", 0)
# Whose result, or its length, the host has to know before it can go on.
WAITING = {
    *(
        aten._local_scalar_dense,
        aten.is_nonzero,
        aten.equal,
        aten.nonzero,
        aten.masked_select,
        aten.bincount,
    ),
    *(aten._unique2, aten.unique_dim, aten.unique_consecutive),
}
COPIES = (torch.tensor, torch.as_tensor, torch.asarray)
INDEXED = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index}


class MixedDevices(AssertionError):
    """Tensors of two devices in one operation."""


class ForbiddenWait(AssertionError):
    """The host waits where it must not."""


class Race(AssertionError):
    """A stream reads what another has not been waited for, or what may be freed under it."""


class Stream:
    """A queue of work; `known` says up to which tick of every other stream it has waited."""

    def __init__(self, gpu: "Gpu", *_: Any) -> None:
        self.gpu, self.device = gpu, GPU
        self.tick = 0
        self.known: dict[Stream, int] = {}

    def record_event(self) -> "Event":
        return Event(self, self.tick, dict(self.known))

    def wait_event(self, event: "Event") -> None:
        for stream, tick in {**event.known, event.stream: event.tick}.items():
            self.known[stream] = max(self.known.get(stream, 0), tick)

    def wait_stream(self, other: "Stream") -> None:
        self.wait_event(other.record_event())

    def synchronize(self) -> None:
        self.gpu.waited("a stream")


@dataclass(frozen=True)
class Event:
    """A place in a stream."""

    stream: Stream
    tick: int
    known: dict[Stream, int]

    def synchronize(self) -> None:
        self.stream.gpu.waited("an event")


@dataclass
class Label:
    """Where a storage lies: "gpu", "host", or None where torch made it by itself inside an
    operation."""

    where: str | None
    alive: StorageWeakRef
    pinned: bool = False
    stream: Stream | None = None
    tick: int = 0
    recorded: set[Stream] = field(default_factory=set)


class Gpu:
    """The device; `waits` holds (what, where) of everything the host has waited for.

    `real_gpu.RealGpu` has the attributes that tests of both devices use.
    """

    exact = True  # the values are the processor's, bit for bit
    feature_tolerance = 1e-6
    mixed_devices = MixedDevices
    forbidden_wait = ForbiddenWait

    def __init__(self, free: int = 1 << 30) -> None:
        self.forbidden = False
        self.free, self.share, self.capability = free, 1.0, (9, 0)
        self.settled: list[int] = []  # what set_device was asked for
        self.entered: list[str] = []  # what torch.cuda.device was
        self.waits: list[tuple[str, str]] = []
        self.labels: dict[int, Label] = {}
        self.default, self.own = Stream(self), threading.local()

    @property
    def current(self) -> Stream:
        """The stream that this thread gives work to."""
        return getattr(self.own, "stream", self.default)

    @contextmanager
    def entered_by(self, device: str) -> Iterator[None]:
        self.entered.append(device)
        yield

    def hold(self, share: float, device: Any = None) -> None:
        """As torch has it: a device by its number, or none."""
        _get_device_index(0 if device is None else device)
        self.share = share

    # where tensors lie

    def label(self, tensor: torch.Tensor) -> Label | None:
        found = self.labels.get(tensor.untyped_storage()._cdata)
        return None if found is None or found.alive.expired() else found

    def on(self, tensor: torch.Tensor) -> bool:
        found = self.label(tensor)
        return found is not None and found.where == "gpu"

    def put(self, tensor: torch.Tensor, where: str | None, pinned: bool = False) -> torch.Tensor:
        storage = tensor.untyped_storage()
        label = Label(
            where, StorageWeakRef(storage), pinned, self.current if where == "gpu" else None
        )
        self.labels[storage._cdata] = label
        self.written(label)
        return tensor

    def written(self, label: Label) -> None:
        if label.where == "gpu":
            self.current.tick += 1
            label.stream = label.stream or self.current
            label.tick = self.current.tick if label.stream is self.current else label.tick

    def moved(self, tensor: torch.Tensor, device: torch.device, non_blocking: bool) -> torch.Tensor:
        """A copy on the other side; the host waits unless it is pinned and on its way up."""
        up = device.type == "cuda"
        if self.on(tensor) == up:
            return tensor
        label = self.label(tensor)
        if not (up and non_blocking and label is not None and label.pinned):
            self.waited("copy to the device" if up else "copy to the host")
        if not up:
            self.read(tensor)
        with torch.utils._python_dispatch._disable_current_modes():
            copy = tensor.detach().clone(memory_format=torch.preserve_format)
        return self.put(copy, "gpu" if up else "host").requires_grad_(tensor.requires_grad)

    # what operations do

    def read(self, tensor: torch.Tensor) -> None:
        label = self.label(tensor)
        if label is None or label.where != "gpu" or label.stream is self.current:
            return
        if self.current.known.get(label.stream, 0) < label.tick:
            raise Race(f"a stream reads what another is still writing, at {calling_line()}")
        if self.current not in label.recorded:
            raise Race(
                f"record_stream was not called: memory may be freed under its reader, at {calling_line()}"
            )

    def forbid_waits(self, forbidden: bool) -> None:
        """Let operations that wait raise, or only note them."""
        self.forbidden = forbidden

    def waited(self, what: str) -> None:
        if self.forbidden:
            raise ForbiddenWait(f"{what}, at {calling_line()}")
        self.waits.append((what, calling_line()))

    def judge(self, func: Any, args: Any, kwargs: Any) -> None:
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        ours = [one for one in given if self.on(one)]
        if not ours:
            return
        for one in ours:
            self.read(one)
        packet = func.overloadpacket
        host = [one for one in given if (found := self.label(one)) is None or found.where == "host"]
        if packet is aten.copy_ and host:
            non_blocking = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
            source = self.label(args[1])
            if not (self.on(args[0]) and non_blocking and source is not None and source.pinned):
                self.waited("copy_ between devices")
            return
        if packet in INDEXED:
            indices = [one for one in args[1] if one is not None]
            value = args[2] if len(args) > 2 else None
            masked = any(one.dtype in (torch.bool, torch.uint8) for one in indices)
            if masked and not (value is not None and value.numel() == 1):
                self.waited("a mask as an index")
            if any(not self.on(one) for one in indices):
                self.waited("indices sent from the host")
                host = [one for one in host if all(one is not index for index in indices)]
        if packet in WAITING or (
            packet is aten.repeat_interleave and kwargs.get("output_size") is None
        ):
            self.waited(str(packet))
        if any(one.dim() for one in host):
            raise MixedDevices(
                f"{func} takes tensors of the device and of the host, at {calling_line()}"
            )

    def labelled(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        ours = any(self.on(one) for one in given)
        neutral = all(
            (found := self.label(one)) is not None and found.where is None for one in given
        )
        written = [one for one in tree_leaves(out) if isinstance(one, torch.Tensor)]
        written += [one for one in given if func._schema.is_mutable and self.on(one)]
        for one in written:
            found = self.label(one)
            if found is None or (found.where is None and ours):
                if ours or neutral:
                    self.put(one, "gpu" if ours else None)
            else:
                self.written(found)


class Operations(TorchDispatchMode):
    """Sees every operation below autograd."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled under it, and importing the compiler takes seconds

    def __init__(self, gpu: Gpu) -> None:
        super().__init__()
        self.gpu = gpu

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        self.gpu.judge(func, args, kwargs)
        out = func(*args, **kwargs)
        self.gpu.labelled(func, args, kwargs, out)
        return out


class Calls(TorchFunctionMode):
    """Sees every call of torch from Python, with the devices it names."""

    def __init__(self, gpu: Gpu) -> None:
        super().__init__()
        self.gpu = gpu

    def __torch_function__(self, func, types, args=(), kwargs=None):
        gpu, kwargs = self.gpu, dict(kwargs or {})
        if (
            getattr(func, "__name__", "") == "__get__"
            and getattr(func, "__self__", None) is torch.Tensor.device
        ):
            return GPU if gpu.on(args[0]) else torch.device("cpu")
        if (
            getattr(func, "__name__", "") == "__get__"
            and getattr(func, "__self__", None) is torch.Tensor.is_cuda
        ):
            return gpu.on(args[0])
        if func is torch.Tensor.to:
            return self._to(*args, **kwargs)
        if func is torch.Tensor.cpu:
            return gpu.moved(args[0], torch.device("cpu"), False)
        if func is torch.Tensor.pin_memory:
            return gpu.put(args[0].clone(), "host", pinned=True)
        if func in (torch.Tensor.numpy, torch.Tensor.__array__) and gpu.on(args[0]):
            raise TypeError("can't convert cuda:0 device type tensor to numpy.")
        if func is torch.Tensor.tolist and gpu.on(args[0]):
            gpu.waited("tolist")
        named, pinned = kwargs.pop("device", None), kwargs.pop("pin_memory", False)
        made = func in _device_constructors()
        out = func(*args, **kwargs)
        if func in COPIES:
            return out if named is None else gpu.moved(out, torch.device(named), False)
        if isinstance(out, torch.Tensor) and (made or named is not None):
            gpu.put(
                out,
                "gpu" if named is not None and torch.device(named).type == "cuda" else "host",
                pinned,
            )
        return out

    def _to(self, tensor, *args, **kwargs):
        device, dtype, non_blocking, layout = torch._C._nn._parse_to(
            *(one for one in args if not isinstance(one, torch.Tensor)),
            **{k: v for k, v in kwargs.items() if k != "copy"},
        )
        for one in args:
            if isinstance(one, torch.Tensor):
                device, dtype = one.device, one.dtype
        out = tensor if device is None else self.gpu.moved(tensor, device, non_blocking)
        options = {"dtype": dtype, "memory_format": layout}
        options = {name: value for name, value in options.items() if value is not None}
        return torch.Tensor.to(out, **options) if options else out


@contextmanager
def pretended(monkeypatch: Any, free: int = 1 << 30) -> Iterator[Gpu]:
    """Inside, in this thread and in those of thread pools, there is a CUDA device with `free`
    bytes. Skips the test before torch 2.7, where such a device ends the process."""
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 7):
        pytest.skip("torch before 2.7 ends the process where a device is simulated")
    gpu = Gpu(free)

    def enter(modes: ExitStack | None = None) -> None:
        for mode in (Operations(gpu), Calls(gpu)):
            (modes or ExitStack()).enter_context(mode)  # of a pool's thread: they end with it

    @contextmanager
    def in_stream(stream: Stream | None) -> Iterator[None]:
        before, gpu.own.stream = gpu.current, stream or gpu.current
        try:
            yield
        finally:
            gpu.own.stream = before

    stands = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "mem_get_info": lambda *_: (gpu.free, gpu.free),
        "get_device_name": lambda *_: "pretended",
        "empty_cache": lambda: None,
        "get_device_capability": lambda *_: gpu.capability,
        "current_device": lambda: 0,
        "set_device": lambda device: gpu.settled.append(_get_device_index(device)),
        "device": gpu.entered_by,
        "set_per_process_memory_fraction": gpu.hold,
        "synchronize": lambda *_: gpu.waited("synchronize"),
        "Stream": partial(Stream, gpu),
        "stream": in_stream,
        "current_stream": lambda *_: gpu.current,
        # Optimizers ask whether a graph is captured; torch built for CUDA would ask a driver.
        "is_current_stream_capturing": lambda: False,
    }
    for name, stand in stands.items():
        monkeypatch.setattr(torch.cuda, name, stand)
    if hasattr(torch, "accelerator"):  # whom optimizers ask from torch 2.14 on
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_, **__: None)
    # Its arguments are judged before any mode is asked.
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda tensor, stream: gpu.label(tensor).recorded.add(stream)
    )
    monkeypatch.setattr(torch, "autocast", _autocast(torch.autocast))
    monkeypatch.setattr(
        "gprplus.baseline.loader.ThreadPoolExecutor", partial(ThreadPoolExecutor, initializer=enter)
    )
    forget_cached_tensors()
    with ExitStack() as modes:
        modes.callback(forget_cached_tensors)
        enter(modes)
        yield gpu


def forget_cached_tensors() -> None:
    """Tensors that gprplus keeps for a device: those of another pretended one lie nowhere."""
    for name, module in list(sys.modules.items()):
        if name.startswith("gprplus."):
            for kept in list(vars(module).values()):
                if isinstance(kept, _lru_cache_wrapper):
                    kept.cache_clear()


def _autocast(real: Any) -> Any:
    return lambda kind, *args, **kwargs: real("cpu", *args, **kwargs)


def calling_line() -> str:
    """The innermost line of gprplus on the stack."""
    ours = [frame for frame in traceback.extract_stack() if "/gprplus/" in frame.filename]
    return f"{ours[-1].filename.rpartition('/gprplus/')[2]}:{ours[-1].lineno}" if ours else "?"
