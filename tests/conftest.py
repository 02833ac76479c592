"""Small folders of renders, drawn in code: flat people on flat ground, one image a cell."""

import gc
import os

# One thread a process, before a library counts the cores: the suite's own processes share them,
# threads on a few pixels only wait for each other, and sums come out the same on every machine.
# Processes that tests start inherit it.
os.environ["OMP_NUM_THREADS"] = "1"

# One core a process of the suite, which the commands that tests start inherit: they work in one
# process, because starting others for a few files costs more than the files do.
if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.sched_setaffinity(0, {cores[number % len(cores)]})

import getpass
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from gprplus.core.files.workdir import write_json
from gprplus.core.imaging.images import encode_jpeg

# Temporary files in memory, where there is room: the file system of a disk took a quarter of the
# processor time of the suite.
MEMORY = Path("/dev/shm")
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 << 30:
    kernels = f"{tempfile.gettempdir()}/torchinductor_{getpass.getuser()}"
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", kernels)  # kept, as without this setting
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

# The garbage collector looks at everything that collected tests hold, a second each time: rarely.
gc.set_threshold(100_000, 20, 100)

# A commit that passed once passes again: what chance finds is looked for on purpose, with `make
# hunt`. Nothing is judged by the clock, which says how busy the machine is.
CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, database=None, **CALM)
settings.register_profile("hunt", print_blob=True, **CALM)
settings.load_profile("steady")

WEATHER = {
    f"{i:02d}": level for i, level in enumerate(("sunny", "clouds", "overcast", "foggy"), start=1)
}
LIGHT = {"03": "forenoon", "07": "night"}
VEIL = {"sunny": 0.0, "clouds": 0.15, "overcast": 0.3, "foggy": 0.6}
SUN = {"forenoon": 1.0, "night": 0.35}


def figure(identity: int, view: int, weather: str, light: str) -> np.ndarray:
    """`(64, 32, 3) uint8`: two colours of clothes that only this person wears, under weather and
    light, with grain."""
    rng = np.random.default_rng([identity, 1])
    upper, lower = rng.uniform(30, 220, size=(2, 3))
    image = np.full((64, 32, 3), 128.0)
    image[12:36, 8 + view : 24 - view] = upper
    image[36:60, 8 + view : 24 - view] = lower
    image = image * SUN[light] * (1 - VEIL[weather]) + 220 * VEIL[weather] * SUN[light]
    grain = np.random.default_rng([identity, view, *map(ord, weather + light)]).normal(
        0, 6, size=image.shape
    )
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def pytest_collection_finish() -> None:
    """Leave modules and collected tests out of all later garbage collections."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _one_core() -> Iterator[None]:
    """A machine of one core, as the library sees it: tests are spread over the cores already, and a
    process that is started for a few files costs more than they do. Tests of several workers ask
    for several.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
        yield


@pytest.fixture(params=["pretended", pytest.param("real", marks=pytest.mark.gpu)])
def on_gpu(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AbstractContextManager[Any]]:
    """Return `on_gpu(free=...)`, a context with a CUDA device of so many free bytes.

    It is the pretended device, and, under the mark `gpu`, the real one.
    """
    if request.param == "pretended":
        from pretended import pretended as context
    else:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("torch finds no CUDA device")
        from real_gpu import real as context
    return partial(context, monkeypatch)


@pytest.fixture(scope="session", autouse=True)
def _wide_output() -> Iterator[None]:
    """Output wide enough for whole tables and sentences; tests of the width set their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "1000")
        yield


@pytest.fixture(scope="session")
def commands() -> Iterator[Any]:
    """Run lines of a shell in which the start of `gprplus` costs nothing: a support.Commands."""
    from commands import Commands

    found = Commands()
    yield found
    found.close()


@pytest.fixture(scope="session")
def draw() -> Callable[..., Path]:
    """Draw a crossed design into a folder, as the engine would name it."""

    def draw(
        folder: Path,
        *,
        people: int = 8,
        views: int = 4,
        weathers: Sequence[str] = ("01", "02", "04"),
        lights: Sequence[str] = ("03", "07"),
        name: str = "engine",
    ) -> Path:
        for i, view, weather, light in product(
            range(1, people + 1), range(views), weathers, lights
        ):
            path = folder / f"{i:04d}" / f"{i:04d}_c{view + 1:02d}_w{weather}_l{light}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            shift = int.from_bytes(name.encode(), "big") % 997
            path.write_bytes(
                encode_jpeg(figure(1000 * shift + i, view, WEATHER[weather], LIGHT[light]))
            )
        write_json(
            folder / "renders.json",
            {
                "layout": "engine",
                "name": name,
                "schema_version": 1,
                "request": {},
                "degrees": {f"{c + 1:02d}": (90 + c * 360 // views) % 360 for c in range(views)},
                "weather": {code: WEATHER[code] for code in weathers},
                "illumination": {code: LIGHT[code] for code in lights},
                "background": {"01": "plaza"},
                "identities": people,
                "images": people * views * len(weathers) * len(lights),
                "factors": ["identity", "viewpoint_deg", "weather", "illumination"],
            },
        )
        return folder

    return draw
