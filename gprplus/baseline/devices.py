"""Which device, which arithmetic, how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from gprplus.errors import DeviceError
from gprplus.parallel import cores


def resolve(name: str) -> str:
    """`auto` is the first CUDA device, else the processor; anything else must be there. Raises DeviceError.

    >>> resolve("cpu")
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
            "--device cuda was asked for, but torch finds no CUDA device here. Use --device cpu, or auto."
        )
    if name != "cuda" and int(name[5:]) >= torch.cuda.device_count():
        raise DeviceError(
            f"There is no {name}: torch finds {torch.cuda.device_count()} CUDA device(s), numbered from 0."
        )
    return name


def describe(device: str) -> str:
    """The device in words, as records hold it."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else f"cpu, {cores()} cores"


def precision(asked: str, device: str) -> torch.dtype:
    """The type convolutions run in.

    "auto" is bfloat16 on CUDA and on processors that multiply it natively, else float32.
    """
    if asked == "auto":
        native = device.startswith("cuda") or _multiplies_bfloat16()
        return torch.bfloat16 if native else torch.float32
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[asked]


def _multiplies_bfloat16() -> bool:
    # Private, and not in every release; without an answer float32 is the safe one.
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(check() for check in checks if check)


# What several processes on one GPU leave free together: the contexts that each of them opens.
_CONTEXTS = 0.05


def memory(device: str, jobs: int = 1) -> int:
    """Bytes of a GPU that one of `jobs` processes may fill: what is free, and not more than its part of the whole.

    Processes that start together all find it empty; counting only what is free, each would take it for its own.
    """
    free, whole = torch.cuda.mem_get_info(device)
    return free if jobs == 1 else min(free, int(whole * (1 - _CONTEXTS) / jobs))


def keep_to_part(device: str, jobs: int) -> None:
    """Hold this process to its part of a GPU that `jobs` share.

    A run that needs more takes its steps in parts, the same ones whatever its neighbours are at just then.
    """
    if jobs > 1 and device.startswith("cuda"):
        torch.cuda.set_per_process_memory_fraction((1 - _CONTEXTS) / jobs, device)


def sent(array: np.ndarray, device: str) -> torch.Tensor:
    """The array as a tensor on the device; the host goes on while it travels to a GPU."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else tensor


def sent_rows(array: np.ndarray, rows: np.ndarray, device: str) -> torch.Tensor:
    """`array[rows]`, as `sent`: picked straight into the memory that it is sent from."""
    if not device.startswith("cuda"):
        return torch.from_numpy(array[rows])
    pinned = torch.empty((len(rows), *array.shape[1:]), dtype=torch.uint8, pin_memory=True)
    np.take(array, rows, axis=0, out=pinned.numpy(), mode="clip")  # any other mode makes a copy first
    return pinned.to(device, non_blocking=True)


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Inside, torch uses `count` threads of the processor (None: as many as before)."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
