"""Which device, which arithmetic, how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Inside, torch uses `count` threads of the processor (None: as many as before)."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
