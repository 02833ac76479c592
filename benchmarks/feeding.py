"""Packing against bare decoding, and a training fed from the store against one whose loader decodes
as it goes."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from benchmarks import harness, loops
from benchmarks.ratios import Job, Ratio
from gprplus.baseline import augment, devices, image_store
from gprplus.baseline import train as training
from gprplus.baseline.recipe import Recipe, TrainingLength
from gprplus.core.imaging import images
from gprplus.core.parallel import available_cores

RENDERS = 1024


def main() -> None:
    """Print and keep the measurements; on a GPU with `fast`, else with `smoke`."""
    device = devices.resolve_device("auto")
    recipe = Recipe.read("smoke" if device == "cpu" else "fast")
    with tempfile.TemporaryDirectory() as folder:
        root = drawn(Path(folder))
        body = "\n\n".join([packing(root, recipe)[0], _against_a_loader(root, recipe, device)])
    harness.keep(
        "feeding", "Packing, and training from the store against a loader that decodes", body
    )


def packing(root: Path, recipe: Recipe) -> tuple[str, float]:
    """The table, and images packed a second and core."""
    bare, packed = packing_jobs(root, recipe)
    bare()
    floor = min(loops.seconds(bare, "cpu") for _ in range(3))
    whole = min(loops.seconds(packed, "cpu") for _ in range(3))
    table = [
        ["decode and resize each file, nothing kept", f"{RENDERS / floor:,.0f}", "1"],
        [
            "pack: the same, scaled decoding, written to the store",
            f"{RENDERS / whole:,.0f}",
            f"{whole / floor:.2f}",
        ],
    ]
    sentence = f"{RENDERS:,} JPEGs of 200 x 470 to {recipe.input.width} x {recipe.input.height}."
    return sentence + "\n\n" + harness.table(
        ["", "images a processor second", "time over floor"], table
    ), RENDERS / whole


def packing_jobs(root: Path, recipe: Recipe, count: int = RENDERS) -> tuple[Job, Job]:
    """Decode and resize the first `count` renders, and pack them on one core."""
    height, width, rows = recipe.input.height, recipe.input.width, _rows(count)

    def bare() -> None:
        for path in _paths()[:count]:
            image = images.decode_image((root / path).read_bytes())
            assert image is not None
            images.resize_image(image, height, width)

    def packed() -> None:
        with tempfile.TemporaryDirectory() as fresh:
            image_store.pack_images(rows, {"drawn": root}, Path(fresh), height, width, workers=1)

    return bare, packed


def _rows(count: int = RENDERS) -> pa.Table:
    """The rows of the first `count` renders."""
    uids = pa.array(range(count), pa.uint64())
    return pa.table({"uid": uids, "dataset": ["drawn"] * count, "path": _paths()[:count]})


def ratios(scratch: Path, count: int = 256) -> list[Ratio]:
    """Packing over decoding and resizing."""
    bare, packed = packing_jobs(drawn(scratch), Recipe.read("smoke"), count)
    return [Ratio("feeding: pack / decode and resize", packed, bare)]


class Decoding(torch.utils.data.Dataset):
    """What the field does for each image of each step: read, decode, resize, mirror, pad and crop,
    normalise."""

    def __init__(self, root: Path, labels: np.ndarray, recipe: Recipe) -> None:
        self.root, self.labels, self.recipe = root, labels, recipe

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        from PIL import Image, ImageOps

        height, width, pad = (
            self.recipe.input.height,
            self.recipe.input.width,
            self.recipe.augment.pad,
        )
        with Image.open(self.root / f"{place}.jpg") as image:
            small = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        if torch.rand(()) < 0.5:
            small = ImageOps.mirror(small)
        left, top = (int(torch.randint(0, 2 * pad + 1, ())) for _ in range(2))
        small = ImageOps.expand(small, pad).crop((left, top, left + width, top + height))
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (augment.MEAN, augment.STD))
        return (pixels - mean) / std, int(self.labels[place])


def _against_a_loader(root: Path, recipe: Recipe, device: str) -> str:
    """The same network, batch and machine, fed by a DataLoader that decodes: clock time, all
    cores."""
    labels = np.repeat(np.arange(RENDERS // 16), 16)
    steps = 3 * (RENDERS // recipe.batch.size)
    order = [row for _ in range(3) for row in torch.randperm(RENDERS).tolist()]
    loader = torch.utils.data.DataLoader(
        Decoding(root, labels, recipe),
        recipe.batch.size,
        sampler=order,
        num_workers=available_cores(),
        drop_last=True,
    )
    step = loops.stepper(recipe, device, RENDERS // 16)

    def decoded() -> None:
        for batch, people in loader:
            step(batch.to(device, memory_format=torch.channels_last), people.to(device))

    with tempfile.TemporaryDirectory() as fresh:
        pack = image_store.pack_images(
            _rows(), {"drawn": root}, Path(fresh), recipe.input.height, recipe.input.width
        )
        pixels = pack.images(pack.uids)
        took = []
        for run in (
            lambda: training.train(
                pixels, labels, replace(recipe, length=TrainingLength(steps=steps)), 0, device
            ),
            decoded,
        ):
            start = time.perf_counter()
            run()
            took.append(time.perf_counter() - start)
    seen = steps * recipe.batch.size
    table = [
        ["packed once, gathered and augmented in batches", f"{seen / took[0]:,.0f}", "1"],
        [
            f"DataLoader, {available_cores()} workers: decode, resize, augment each image",
            f"{seen / took[1]:,.0f}",
            f"{took[1] / took[0]:.2f}",
        ],
    ]
    return "Three epochs, start included, by the clock:\n\n" + harness.table(
        ["fed by", "images a second", "time"], table
    )


def drawn(root: Path) -> Path:
    """1,024 JPEGs in the size of GPR+."""
    rng = np.random.default_rng(0)
    for path in _paths():
        coarse = rng.integers(0, 256, (24, 10, 3), dtype=np.uint8)
        (root / path).write_bytes(images.encode_jpeg(images.resize_image(coarse, 470, 200)))
    return root


def _paths() -> list[str]:
    return [f"{i}.jpg" for i in range(RENDERS)]
