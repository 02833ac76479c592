"""Devices, precision and numbers of threads."""

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from gprplus.baseline import distributed
from gprplus.baseline.store_view import StoredImages
from gprplus.core.errors import DeviceError
from gprplus.core.parallel import available_cores


def resolve_device(name: str) -> str:
    """`auto` is the first CUDA device, else the processor; anything else must be there. Raises
    DeviceError.

    >>> resolve_device("cpu")
    'cpu'
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return name
    if name != "cuda" and not (name.startswith("cuda:") and name[5:].isdigit()):
        raise DeviceError(f"'{name}' is no device. Known: auto, cpu, cuda, cuda:N.")
    if not torch.cuda.is_available():
        raise DeviceError(
            "--device cuda was requested, but torch finds no CUDA device. Use --device cpu, or"
            " auto."
        )
    if name != "cuda" and int(name[5:]) >= torch.cuda.device_count():
        raise DeviceError(
            f"There is no {name}: torch finds {torch.cuda.device_count()} CUDA device(s), numbered"
            " from 0."
        )
    return name


def describe_device(device: str) -> str:
    """The device in words, as records hold it."""
    return (
        torch.cuda.get_device_name(device)
        if device.startswith("cuda")
        else f"cpu, {available_cores()} cores"
    )


def precision(name: str, device: str) -> torch.dtype:
    """Return the type that convolutions run in.

    "auto" is bfloat16 on NVIDIA GPUs since Ampere, and float32 on other devices. On a processor a
    benchmark replaces "auto" by the result of a trial (`precision_trial`).

    >>> precision("auto", "cpu"), precision("bfloat16", "cpu")
    (torch.float32, torch.bfloat16)
    """
    if name == "auto":
        native = device.startswith("cuda") and torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if native else torch.float32
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[name]


# What several processes on one GPU leave free together: the contexts that each of them opens.
_CONTEXTS = 0.05


def free_bytes(device: str, jobs: int = 1) -> int:
    """Bytes that one of `jobs` processes may fill, of a GPU or of main memory: what is free, and
    not more than its part of the whole.

    Processes that start together all find it empty; counting only what is free, each would take it
    for its own.
    """
    if device.startswith("cuda"):
        free, whole = torch.cuda.mem_get_info(device)
    else:
        (free, whole), jobs = _main_memory(), jobs * distributed.local_process_count()
    return free if jobs == 1 else min(free, int(whole * (1 - _CONTEXTS) / jobs))


def _main_memory(root: Path = Path("/")) -> tuple[int, int]:
    """Return the free and total bytes of main memory, within the limit of the container of this
    process.

    Unlimited if the system does not report it (not on Linux).
    """
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        facts = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        free, whole = facts["MemAvailable"], facts["MemTotal"]
    except (OSError, KeyError, ValueError, IndexError):
        return sys.maxsize, sys.maxsize
    try:
        own = Path((root / "proc/self/cgroup").read_text().split("0::/")[1].splitlines()[0])
    except (OSError, IndexError):
        return free, whole
    for within in (own, *own.parents):  # the limit of a job can be above the group of its processes
        try:
            most = int(
                (root / "sys/fs/cgroup" / within / "memory.max").read_text()
            )  # "max" where it is not limited
            stated = (root / "sys/fs/cgroup" / within / "memory.stat").read_text()
            taken = int(stated.split("anon ")[1].split()[0])
        except (OSError, ValueError, IndexError):
            continue
        free, whole = min(free, max(most - taken, 0)), min(whole, most)
    return free, whole


@contextmanager
def device_context(device: str, jobs: int = 1) -> Iterator[None]:
    """Inside, a GPU is the one that torch takes where none is named, and this process keeps to its
    part of it, where `jobs` share it.

    A run that needs more takes its steps in parts, the same ones whatever its neighbours are at
    just then. Where no GPU is named, as for pinned memory, torch would else take the first one and
    open a context of half a gigabyte on it.
    """
    if not device.startswith("cuda"):
        yield
        return
    with torch.cuda.device(device):
        if jobs > 1:
            torch.cuda.set_per_process_memory_fraction(
                (1 - _CONTEXTS) / jobs, torch.cuda.current_device()
            )
        yield


def to_device(array: np.ndarray, device: str) -> torch.Tensor:
    """Return the array as a tensor on the device; the copy to a GPU is asynchronous."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return (
        tensor.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else tensor
    )


def rows_to_device(images: StoredImages, rows: np.ndarray, device: str) -> torch.Tensor:
    """`rows (n,)` of the images, `(n, H, W, 3) uint8`, as `to_device`: read straight into the
    memory that they are sent from. It is new memory each time, which torch takes back when it has
    been sent.
    """
    held = torch.empty(
        (len(rows), *images.shape[1:]), dtype=torch.uint8, pin_memory=device.startswith("cuda")
    )
    images.take(rows, held.numpy())
    return held.to(device, non_blocking=True)


def blocks_to_device(images: StoredImages, size: int, device: str) -> Iterator[torch.Tensor]:
    """Send all images, `size` at a time, like `rows_to_device`: one block is read while the
    previous one is copied.

    The host waits if it is more than two blocks ahead; otherwise the blocks that wait would fill
    main memory.
    """
    travelling: deque[torch.cuda.Event] = deque()
    for start in range(0, len(images), size):
        if len(travelling) == 2:
            travelling.popleft().synchronize()
        block = rows_to_device(images, np.arange(start, min(start + size, len(images))), device)
        if device.startswith("cuda"):
            travelling.append(torch.cuda.current_stream(device).record_event())
        yield block


@contextmanager
def thread_limit(count: int | None) -> Iterator[None]:
    """Inside, torch uses `count` threads of the processor (None: as many as before)."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
