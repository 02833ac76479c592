"""The smallest recipe that trains: images and batches so small that a step takes milliseconds; and
the smallest work folder for it."""

from collections.abc import Callable
from pathlib import Path

from gprplus import build_manifest, make_split

_SMALL = """
title = "A few steps"
seeds = 1
[length]
steps = {steps}
[input]
height = 32
width = 16
[network]
backbone = "small"
[batch]
identities = 3
images = 2
[compute]
precision = "float32"
"""


def small_recipe(steps: int) -> str:
    """The text of the recipe's file."""
    return _SMALL.format(steps=steps)


def small_work(draw: Callable[..., object], work: Path, steps: int) -> Path:
    """Fill a work folder with renders, manifest, a split of two weathers, and a recipe."""
    draw(work / "renders" / "engine", people=8, views=3, weathers=("01", "04"))
    build_manifest([work / "renders" / "engine"], work / "manifest", workers=1)
    make_split(
        work / "manifest", "weather", output=work / "splits" / "weather", cross_level_tests=False
    )
    (work / "tiny.toml").write_text(small_recipe(steps))
    return work
