"""One Parquet file to look at features with Embedding Atlas or Spotlight: every image with its
coordinates, nearest neighbours, thumbnail and attributes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gprplus.analysis.principal_plane import project_to_plane
from gprplus.core.errors import ExportError
from gprplus.core.imaging.images import decode_image, encode_jpeg, resize_image
from gprplus.evaluation.external_features import read_for_rows
from gprplus.exports.export_layout import ExportInfo, ExportLayout, ShardSpec
from gprplus.exports.rows import known_columns

FILE = "atlas.parquet"
NEIGHBOURS = 10
MOST = 100_000  # images with neighbours: every image is compared with every other one
HEIGHT = 96  # of a thumbnail, in pixels: about 2 KB
_BLOCK, _ROW_GROUP = 1024, 4096


def plan_atlas(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """`atlas.parquet`: image, x, y, neighbors (ids are row numbers, distances are 1 - cosine), and
    every known attribute."""
    if about.features is None:
        raise ExportError(
            "--to atlas needs --features FILE. Make it with: gprplus embed RUN SOURCE -o FILE"
        )
    matrix = read_for_rows(
        rows, about.features, None, "the", "Embed all images of the source", in_order=False
    )
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    places, shares = project_to_plane(unit)
    known = known_columns(rows, ("image", "x", "y", "neighbors"))
    table = known.append_column("x", pa.array(places[:, 0], pa.float64()))
    table = table.append_column("y", pa.array(places[:, 1], pa.float64()))
    notes = [
        f"x and y are the first two principal components: {100 * shares.sum():.0f}% of the variance."
    ]
    if len(rows) <= MOST:
        table = table.append_column("neighbors", nearest_neighbours(unit.astype(np.float32)))
    else:
        notes.append(f"More than {MOST:,} images: the neighbours of each were left out.")
    layout = _layout(table)

    def write(path: Path, positions: np.ndarray, images: Iterator[bytes]) -> None:
        with pq.ParquetWriter(path, layout, compression="zstd") as writer:
            for start in range(0, len(positions), _ROW_GROUP):
                group = table.slice(start, _ROW_GROUP)
                names = group.column("path").to_pylist()
                cells = [{"bytes": _thumbnail(next(images)), "path": name} for name in names]
                image = pa.array(cells, layout.field("image").type)
                writer.write_table(pa.table([image, *group.columns], schema=layout))

    def finish(home: Path, written: Sequence[Any]) -> Sequence[str]:
        return notes

    files = [f"{FILE}/{place}" for place in range(len(rows))]
    return ExportLayout(files, packing=ShardSpec({FILE: np.arange(len(rows))}, write, finish))


def nearest_neighbours(unit: np.ndarray) -> pa.Array:
    """The nearest other rows of unit features `(N, D) float32` by cosine, nearest first, as structs
    of ids and distances."""
    count = min(NEIGHBOURS, len(unit) - 1)
    ids = np.zeros((len(unit), count), dtype=np.int64)
    distances = np.zeros((len(unit), count), dtype=np.float32)
    for start in range(0, len(unit) if count else 0, _BLOCK):
        similar = unit[start : start + _BLOCK] @ unit.T
        rows = np.arange(len(similar))
        similar[rows, start + rows] = -np.inf
        near = np.argpartition(-similar, count - 1, axis=1)[:, :count]
        order = np.lexsort((near, -np.take_along_axis(similar, near, 1)))
        near = np.take_along_axis(near, order, 1)
        ids[start + rows] = near
        distances[start + rows] = 1 - np.take_along_axis(similar, near, 1)
    kinds = (pa.int64(), ids), (pa.float32(), distances)
    lists = [
        pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), kind), count).cast(
            pa.list_(kind)
        )
        if count
        else pa.array([[] for _ in unit], pa.list_(kind))
        for kind, values in kinds
    ]
    return pa.StructArray.from_arrays(lists, ["ids", "distances"])


def _thumbnail(data: bytes) -> bytes:
    image = decode_image(data)
    if image is None:
        raise ExportError("An image cannot be decoded. Build the manifest with --verify decode.")
    width = max(round(image.shape[1] * HEIGHT / image.shape[0]), 1)
    return encode_jpeg(resize_image(image, HEIGHT, width), 85)


def _layout(table: pa.Table) -> pa.Schema:
    """Prepend the image column, as `datasets` and Spotlight read it."""
    image = pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    return pa.schema([image, *table.schema])
