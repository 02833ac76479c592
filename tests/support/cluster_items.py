"""Functions that tests run as tasks of a cluster; its nodes import this module."""

import os
import time
from pathlib import Path

from gprplus.core.workers import send_progress


def square(number: int) -> int:
    send_progress(number)
    return number * number


def dies_once(marker: str) -> str:
    """End the process at the first call for a marker file, as a crash would."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return Path(marker).name
    os._exit(9)


def always_dies(_: int) -> None:
    os._exit(9)


def fails(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def slow_square(number: int) -> int:
    time.sleep(0.3)
    return number * number


def wait_for(path: str) -> None:
    """Return once a file is there."""
    while not Path(path).exists():
        time.sleep(0.02)


def environment(names: tuple[str, ...]) -> list[str | None]:
    return [os.environ.get(name) for name in names]


def where(_: int) -> tuple[str, str | None]:
    return os.getcwd(), os.environ.get("OMP_NUM_THREADS")
