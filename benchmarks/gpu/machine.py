"""What machine this is, which packages are missing, and what the device does at best."""

import os
import platform
import subprocess
from contextlib import suppress
from importlib import import_module
from importlib.metadata import packages_distributions, version
from typing import Any

from benchmarks.gpu.part import PartContext
from benchmarks.harness import processor

# Modules that the product imports; the others serve single commands.
NEEDED = ("torch", "numpy", "pandas", "pyarrow", "cv2", "PIL", "scipy", "click", "safetensors")
USED = ("rich", "jinja2", "matplotlib", "xxhash", "regex", "pytest", "hypothesis", "timm", "triton")


def measure(context: PartContext) -> None:
    """Record hardware and versions, then matrix products and copies."""
    context.add("machine", fact="processor", value=processor())
    context.add("machine", fact="cores", value=len(os.sched_getaffinity(0)))
    context.add("machine", fact="system", value=platform.platform())
    context.add("machine", fact="python", value=platform.python_version())
    missing, packages = [], packages_distributions()
    for name in (*NEEDED, *USED):
        try:
            import_module(name)
            found = [f"{package} {version(package)}" for package in packages.get(name, [])]
        except Exception as error:  # a broken package raises anything
            missing.append(name)
            context.add("machine", fact=name, value=f"missing ({type(error).__name__}: {error})")
        else:
            context.add("machine", fact=name, value=", ".join(found) or "found")
    context.add("machine", fact="missing packages", value=", ".join(missing) or "none")
    import torch

    device = device_of(context)
    if device == "cuda":
        _describe_gpu(context, torch)
    _peaks(context, torch, device)
    if needed := [name for name in missing if name in NEEDED]:
        raise SystemExit(f"Missing packages without which most parts fail: {', '.join(needed)}")


def device_of(context: PartContext) -> str:
    """The GPU, or the processor of a rehearsal. Raises SystemExit without a GPU."""
    if context.rehearse:
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("torch finds no CUDA device")
    return "cuda"


def _describe_gpu(context: PartContext, torch: Any) -> None:
    facts = torch.cuda.get_device_properties(0)
    context.add("machine", fact="device", value=facts.name)
    context.add("machine", fact="devices", value=torch.cuda.device_count())
    context.add("machine", fact="device memory, GiB", value=round(facts.total_memory / 2**30, 1))
    context.add("machine", fact="multiprocessors", value=facts.multi_processor_count)
    context.add("machine", fact="compute capability", value=f"{facts.major}.{facts.minor}")
    context.add("machine", fact="CUDA of torch", value=torch.version.cuda)
    context.add("machine", fact="cuDNN", value=torch.backends.cudnn.version())
    fields = "driver_version,power.limit,clocks.max.sm"
    with suppress(OSError, subprocess.SubprocessError):
        found = subprocess.run(
            ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader", "-i", "0"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
        context.add("machine", fact="driver, power limit, clock", value=found)


def _peaks(context: PartContext, torch: Any, device: str) -> None:
    from benchmarks import loops

    size = 128 if context.rehearse else 8192
    for name, dtype, tf32 in (
        ("bfloat16", torch.bfloat16, False),
        ("TF32", torch.float32, True),
        ("float32", torch.float32, False),
    ):

        def product(dtype: Any = dtype, tf32: bool = tf32) -> dict[str, Any]:
            before = torch.get_float32_matmul_precision()
            torch.set_float32_matmul_precision("high" if tf32 else "highest")
            try:
                return {"TFLOP/s": loops.matmul_peak(dtype, device, size) / 1e12}
            finally:
                torch.set_float32_matmul_precision(before)

        context.row("products", product, product=f"{size} x {size}", precision=name)
    count = (1 << 20) if context.rehearse else (1 << 30)
    host = torch.empty(count, dtype=torch.uint8, pin_memory=device == "cuda")
    here = torch.ones(count, dtype=torch.uint8, device=device)
    there = torch.empty_like(here)
    copies = {
        "device to device (read and write)": lambda: there.copy_(here),
        "host to device, pinned": lambda: there.copy_(host, non_blocking=True),
    }
    for name, copy in copies.items():
        took = min(loops.wall(copy, device) for _ in range(4))
        moved = count * (2 if name.startswith("device") else 1)
        context.add("copies", copy=name, **{"GB/s": moved / took / 1e9})
