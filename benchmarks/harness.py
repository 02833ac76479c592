"""What every measurement shares: what machine it was, the median of a few runs, and a page that
keeps the figures."""

import os
import platform
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from gprplus.core.files.workdir import package_versions, write_text
from gprplus.core.parallel import available_cores

RESULTS = Path(__file__).parent / "results"
SHARED = {"__init__", "__main__", "check", "harness", "loops", "ratios"}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def benchmark_names() -> list[str]:
    """The modules of this folder that measure, in alphabetical order."""
    found = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(found - SHARED)


def seconds(function: Callable[[], object], repeats: int = 3) -> float:
    """Median wall-clock seconds of `repeats` calls, after one that is not counted."""
    function()
    return median(_once(function) for _ in range(repeats))


def _once(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def processor_seconds(function: Callable[[], object]) -> float:
    """Processor seconds of a call, its finished child processes included."""
    before = processor_clock()
    function()
    return processor_clock() - before


def processor_clock() -> float:
    """Processor seconds of this process and its finished child processes until now."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def on_one_thread(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function in a new process whose libraries use one thread.

    Libraries read these variables once, when they are loaded.
    """
    with (
        environment(**dict.fromkeys(THREADS, "1")),
        ProcessPoolExecutor(1, get_context("spawn")) as other,
    ):
        return other.submit(function, *arguments).result()


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Inside, the environment says `values`."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def machine() -> str:
    """One line: processor, cores, accelerator, versions."""
    import torch

    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    shown = ", ".join(
        f"{name} {version}" for name, version in package_versions().items() if name != "gprplus"
    )
    return f"{processor()}, {available_cores()} cores{gpu}; {shown}"


def processor() -> str:
    """The name of the processor, and whether it has AVX-512: many cloud machines give no model, and
    NumPy and torch are several times as fast with it."""
    facts: dict[str, str] = {}
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    wide = "with" if "avx512f" in facts.get("flags", "").split() else "without"
    return f"{facts['model name']} {wide} AVX-512"


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(headers) + " |", "|" + " --- |" * len(headers)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def keep(name: str, title: str, body: str, command: str = "") -> None:
    """Print a page of figures and keep it as results/NAME.md, with the machine and the command that
    prints it again."""
    command = command or f"python -m benchmarks {name}"
    page = f"# {title}\n\n{body}\n\nMeasured with `{command}` on {machine()}.\n"
    write_text(RESULTS / f"{name}.md", page)
    print(page)
