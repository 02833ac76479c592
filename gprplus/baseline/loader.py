"""The data loader of a training: batches are drawn ahead and stored on the device.

The rows of a step and their flips, crops and erasing are drawn a chunk of steps ahead, in a thread,
from streams of the seed. A set that fits is stored on the device once; of a larger one the images
of a chunk are read and sent during the previous chunk. The training loop never waits for the host.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from gprplus.baseline import augment, devices, sampler
from gprplus.baseline.recipe import Recipe
from gprplus.baseline.store_view import StoredImages
from gprplus.core import sampling

# A set may fill this share of the free memory, of an accelerator or of a processor; the rest is for
# the network.
RESIDENT_SHARE = 0.5
STEPS_PER_CHUNK_RESIDENT = 64
STEPS_PER_CHUNK_STREAMED = 16
_BLOCK = 32 << 20  # bytes laid at a time


def random_stream(seed: int, name: str) -> np.random.Generator:
    """The generator of one purpose ("order", "augment") under a seed: streams do not disturb each
    other."""
    return np.random.default_rng([seed, sampling.hash64(name)])


@dataclass(frozen=True)
class Chunk:
    """A chunk of steps: `words (N, H, W) int32` (augment.pack_words) and, for each step, row
    indices and augmentation.

    `rows (C, B)`, `random (C, B, 8)`, `labels (C, B)` are on the device; `origin (C, B)` are the
    rows on the host.
    """

    words: torch.Tensor
    rows: torch.Tensor
    random: torch.Tensor
    labels: torch.Tensor
    origin: np.ndarray


def load_chunks(
    images: np.ndarray | StoredImages,
    labels: np.ndarray,
    recipe: Recipe,
    seed: int,
    steps: range,
    device: str,
    shares: np.ndarray | None = None,
    jobs: int = 1,
) -> Iterator[Chunk]:
    """Yield the `steps` of a run over `images (N, H, W, 3) uint8` with `labels (N,) int64`, chunk
    after chunk.

    `shares (N,) float64` weight the images of an identity against each other; `jobs` processes
    share the device.
    """
    images, spots = StoredImages.of(
        images
    ).sequential_order()  # so that a disk reads from front to back
    resident = _resident(images, device, jobs)
    length = STEPS_PER_CHUNK_STREAMED if resident is None else STEPS_PER_CHUNK_RESIDENT
    plan = _plan(labels, recipe, seed, steps.start, steps.stop, length, shares)
    side = torch.cuda.Stream(device) if device.startswith("cuda") else None

    def laid() -> tuple[Chunk, torch.cuda.Event | None] | None:
        if side:
            torch.cuda.set_device(side.device)  # a new thread starts on the first GPU
        drawn = next(plan, None)
        if drawn is None:
            return None
        rows, random = drawn
        with torch.cuda.stream(side):  # copies run in parallel with the network, not in sequence
            if resident is not None:
                words, local = resident, spots[rows]
            else:
                words = augment.pack_words(
                    devices.rows_to_device(images, spots[rows.reshape(-1)], device)
                )
                local = np.arange(rows.size).reshape(rows.shape)
            arrays = [devices.to_device(one, device) for one in (local, random, labels[rows])]
            chunk = Chunk(words, arrays[0], arrays[1], arrays[2], rows)
            return chunk, side.record_event() if side else None

    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(laid)
        while (found := waiting.result()) is not None:
            waiting = ahead.submit(laid)
            yield _arrived(*found)


def _arrived(chunk: Chunk, copied: "torch.cuda.Event | None") -> Chunk:
    """The chunk for the stream that computes: it waits for the copies, and they are not freed under
    it."""
    if copied is not None:
        computing = torch.cuda.current_stream(chunk.rows.device)
        computing.wait_event(copied)
        for tensor in (chunk.words, chunk.rows, chunk.random, chunk.labels):
            tensor.record_stream(computing)
    return chunk


def fits_on_device(images: np.ndarray | StoredImages, device: str, jobs: int = 1) -> bool:
    """Return True if all images of a run are stored on the device."""
    return images.nbytes * 4 / 3 < RESIDENT_SHARE * devices.free_bytes(device, jobs)


def _resident(images: StoredImages, device: str, jobs: int) -> torch.Tensor | None:
    """Load all images to the device; None if they have to be streamed, for example because others
    use the memory."""
    try:
        return _words(images, device) if fits_on_device(images, device, jobs) else None
    except torch.OutOfMemoryError:
        return None


def _words(images: StoredImages, device: str) -> torch.Tensor:
    """Load all images to the device, one block at a time so that their bytes never exist twice."""
    words = torch.empty(images.shape[:3], dtype=torch.int32, device=device)
    start, size = 0, max(1, _BLOCK * len(images) // max(images.nbytes, 1))
    for block in devices.blocks_to_device(images, size, device):
        words[start : start + len(block)] = augment.pack_words(block)
        start += len(block)
    return words


def _plan(
    labels: np.ndarray,
    recipe: Recipe,
    seed: int,
    first: int,
    steps: int,
    length: int,
    shares: np.ndarray | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows `(C, B)` and randomness `(C, B, 8)` of `length` steps at a time; what comes before
    `first` is drawn too, and passed over.
    """
    order = sampler.draw_batches(
        labels, recipe.batch.identities, recipe.batch.images, random_stream(seed, "order"), shares
    )
    rng = random_stream(seed, "augment")
    for _ in range(first):
        augment.sample_parameters(next(order).size, rng)
    for start in range(first, steps, length):
        rows = np.stack([next(order) for _ in range(min(length, steps - start))])
        yield rows, augment.sample_parameters(rows.size, rng).reshape(*rows.shape, augment.DRAWS)
