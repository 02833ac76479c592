"""Rows of a split as a torch dataset of (image, pid, camid), and batches of P identities with K
images each."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from gprplus.baseline.sampler import draw_batches
from gprplus.core.errors import TrainingError
from gprplus.core.files.paths import as_named_paths
from gprplus.core.imaging.images import decode_image, read_bytes
from gprplus.core.protocol import UNKNOWN_CAMERA
from gprplus.core.storage.failures import StorageError

if TYPE_CHECKING:
    import pyarrow as pa


class ReidDataset(Dataset[tuple[Any, int, int]]):
    """Images of a split as (image, pid, camid), in the order of the split's rows.

    It pickles, so that a DataLoader may use any number of workers, and it reads members of archives
    in place.

    Attributes:
        labels: `(N,) int64`, the pid of each image: its position in `identities`.
        cameras: `(N,) int64`, the camid of each image: its position in `camera_names`, -1 where
            unknown.
        identities: The identities by name, sorted; DATASET/IDENTITY where the rows are of several
            datasets.
        camera_names: The cameras by name, sorted; viewpoints in degrees where they play the camera.
        uids: `(N,) uint64`, the manifest's key of each image.
        weights: `(N,) float64`, how often training draws each image against a mean of 1; None where
            all count alike.
    """

    def __init__(
        self,
        rows: "pa.Table",
        roots: Mapping[str, Path],
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        """Make a dataset of rows.

        Args:
            rows: Columns of `schema.MEMBERS`.
            roots: The folder of each dataset's images.
            transform: Gets each image as a PIL image in RGB, and returns what the dataset gives for
                it. None gives a `(3, H, W) uint8` tensor.
        """
        self.transform = transform
        self.roots = as_named_paths(roots)
        # Arrow arrays: workers that are forked share them, where a list of texts would be copied
        # object by object.
        self._dataset = _text(rows, "dataset")
        self._path = _text(rows, "path")
        self.uids = rows.column("uid").to_numpy()
        self.identities, self.labels = _numbered(_identity_names(rows))
        views = rows.column(
            "camera" if rows.column("camera").null_count < len(rows) else "viewpoint_deg"
        )
        self.camera_names, self.cameras = _numbered(views.to_pylist())
        weight = rows.column("weight")
        self.weights = None if weight.null_count else weight.to_numpy()

    def __len__(self) -> int:
        return len(self._path)

    def __getitem__(self, index: int) -> tuple[Any, int, int]:
        """Return (image, pid, camid) of one row. Raises TrainingError where the file is gone or is
        no whole image."""
        pixels = self._read(index)
        if self.transform is None:
            image: Any = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
        else:
            from PIL import Image

            image = self.transform(Image.fromarray(pixels))
        return image, int(self.labels[index]), int(self.cameras[index])

    def __repr__(self) -> str:
        return f"ReidDataset of {len(self):,} images, {len(self.identities):,} identities"

    def batches(
        self, identities: int = 16, images: int = 4, *, seed: int = 0, steps: int | None = None
    ) -> "IdentityBatchSampler":
        """Return the `batch_sampler` of a DataLoader: batches of P identities with K images each.

        Args:
            identities: P, how many identities a batch has.
            images: K, how many images of each.
            seed: Seed of the order; each epoch is drawn anew from it.
            steps: Batches of an epoch; by default as many as hold as many images as there are.
        """
        return IdentityBatchSampler(
            self.labels, identities, images, seed=seed, steps=steps, weights=self.weights
        )

    def _read(self, index: int) -> np.ndarray:
        root, path = self.roots[self._dataset[index].as_py()], self._path[index].as_py()
        try:
            pixels = decode_image(read_bytes(root, path))
        except StorageError:
            raise
        except OSError as error:
            raise TrainingError(
                f"{root / path} cannot be read ({error.strerror or error}). Where images have"
                " moved, give roots."
            ) from error
        if pixels is None:
            raise TrainingError(
                f"{root / path} is no whole image. Build the manifest with verify='decode'."
            )
        return pixels


class IdentityBatchSampler(Sampler[list[int]]):
    """Batches of P identities with K images each, for `DataLoader(dataset, batch_sampler=...)`.

    An epoch shuffles every identity's images and uses each about once (`baseline.sampler`); the
    next epoch is another shuffle. With fewer than P identities a batch holds all of them.

    >>> sampler = IdentityBatchSampler([0, 0, 1, 1, 2, 2], identities=2, images=2)
    >>> len(sampler), sorted(len(batch) for batch in sampler)
    (2, [4, 4])
    """

    def __init__(
        self,
        labels: Any,
        identities: int = 16,
        images: int = 4,
        *,
        seed: int = 0,
        steps: int | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Take `labels (N,)`, the pid of each image, and optionally `weights (N,)` within each
        identity."""
        self.labels, self.weights = np.asarray(labels), weights
        self.identities, self.images, self.seed = identities, images, seed
        self.epoch = 0
        self.steps = -(-len(self.labels) // (identities * images)) if steps is None else steps

    def __len__(self) -> int:
        return self.steps

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration draws, as in torch's DistributedSampler."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        drawn = draw_batches(self.labels, self.identities, self.images, rng, self.weights)
        for _ in range(self.steps):
            yield next(drawn).tolist()


def _text(rows: "pa.Table", name: str) -> "pa.Array":
    import pyarrow as pa

    column = rows.column(name).cast(pa.string()).combine_chunks()
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _identity_names(rows: "pa.Table") -> list[str]:
    datasets, names = rows.column("dataset").to_pylist(), rows.column("identity").to_pylist()
    if len(set(datasets)) < 2:
        return names
    return [f"{dataset}/{name}" for dataset, name in zip(datasets, names, strict=True)]


def _numbered(values: list[Any]) -> tuple[tuple[Any, ...], np.ndarray]:
    """The distinct values, sorted, and the position of each in them, `(N,) int64`; UNKNOWN_CAMERA
    for None."""
    levels = tuple(sorted({value for value in values if value is not None}))
    place = {level: i for i, level in enumerate(levels)}
    return levels, np.array([place.get(value, UNKNOWN_CAMERA) for value in values], dtype=np.int64)
