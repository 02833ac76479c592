"""`embed`: features of the images of a manifest, a folder or a split's test set, as a Parquet file."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gprplus.analysis.features.base import Features, ImageBatch
from gprplus.analysis.features.registry import KNOWN, make_features
from gprplus.analysis.options import EmbedOptions
from gprplus.core import sampling
from gprplus.core.errors import AnalysisError, LayoutError, RequestChanged
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import atomic_write, work_folder
from gprplus.core.imaging.image_headers import EXTENSIONS
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.evaluation.feature_files import FEATURE
from gprplus.ingest import open_or_build_manifest
from gprplus.ingest.changed_files import refuse_changed
from gprplus.ingest.files.scan import list_files
from gprplus.splits import Split

FOLDER = "folder"  # the name of the dataset of a folder without a layout
METADATA = b"gprplus"
_TOGETHER = 4096  # images of a row group: 40 MB of features of 2,048 numbers


@dataclass(frozen=True)
class EmbedResult:
    """A file of features: its path, its record (images, dimensions, network, named_by, notes), and
    whether this call wrote it."""

    path: Path
    info: dict[str, Any]
    made: bool


@shows_progress("Embedding images")
@accepts(EmbedOptions)
def embed(
    network: AnyPath,
    source: AnyPath,
    output: AnyPath | None = None,
    options: EmbedOptions | None = None,
    *,
    work: AnyPath | None = None,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> EmbedResult:
    """Write features of images with the network of a finished run, or a pretrained one.

    The file is Parquet with the columns uid, dataset, path and feature, a list of float32; `score`,
    `analyze` and `export --to atlas` read it. A repeated request does nothing.

    Args:
        network: folder of a finished run or its model.safetensors; or imagenet, resnet50[:FILE],
            vgg19[:FILE], histograms, as in `analyze --features`.
        source: a manifest, a split (its test set), or a folder of images. A folder whose names fit
            no layout is embedded too; its rows are named by path alone.
        output: the Parquet file; by default WORK/features/SOURCE-NETWORK.parquet.
        options: all options at once; the keywords below change single fields of it.
        work: WORK, where a folder of images gets its manifest too; by default $GPRPLUS_WORK, else
            work/.
        force: replace a file of another request.
        progress: called with the number of images embedded and of all images.

    Raises:
        AnalysisError: there is no such network or image, or the options do not fit the source.
        RequestChanged: the output holds something else, and `force` is not set.
    """
    given = combined(EmbedOptions, options, changes, "embed")
    kind = make_features([_network_word(network)], given.device)[0]
    home = work_folder(work)
    rows, roots, notes = _open_rows(Path(source), home / "targets", given)
    if not len(rows):
        raise AnalysisError(f"{source} has no image to embed; loosen --where.")
    path = (
        Path(output) if output else home / "features" / _file_name(network, Path(source), given.arm)
    )
    request = {"network": kind.source, "rows": sampling.table_fingerprint(rows)}
    known = None if force else _earlier(path, request)
    if known:
        return EmbedResult(path, known, made=False)
    named_by = "uid" if "uid" in rows.column_names else "path"
    info = {"images": len(rows), "dimensions": 0, "network": kind.source, "named_by": named_by}
    with atomic_write(path) as temporary:
        info["dimensions"] = _write(
            temporary, kind, ImageBatch(rows, roots), request | info, given.workers, progress
        )
    return EmbedResult(path, {**info, "notes": notes}, made=True)


def _network_word(network: AnyPath) -> str:
    """The word of `make_features` for a network: a path is that of a run."""
    text = os.fspath(network)
    if text not in KNOWN and os.path.exists(text):
        return f"reid:{text}"
    if os.sep in text and ":" not in text:
        raise AnalysisError(
            f"There is no run at {text}: name its folder, ARM/seedN of a benchmark."
        )
    return text


def _file_name(network: AnyPath, source: Path, arm: str | None) -> str:
    """SOURCE[-ARM]-NETWORK.parquet; a run is named by its arm and seed."""
    place = Path(os.fspath(network))
    place = place.parent if place.suffix == ".safetensors" else place
    run = "-".join(place.resolve().parts[-2:]) if place.exists() else place.name.replace(":", "-")
    parts = (source.resolve().name, *([arm] if arm else []), run)
    return f"{'-'.join(parts)}.parquet"


def _open_rows(
    source: Path, targets: Path, given: EmbedOptions
) -> tuple[pa.Table, dict[str, Path], list[str]]:
    """The images to embed (uid, dataset, path), the folders of their datasets, and notes."""
    if (source / "split.json").is_file():
        if given.where is not None:
            raise AnalysisError(f"{source} is a split; --where picks images of a manifest.")
        split = Split.open(source)
        table = split.test() if given.arm is None else split.arm(given.arm).rows
        return table.select(["uid", "dataset", "path"]), split.roots(given.roots), []
    if given.arm is not None:
        raise AnalysisError(f"{source} is no split; --arm picks an arm of a split.")
    try:
        manifest = open_or_build_manifest(source, targets / source.resolve().name)
    except LayoutError as error:
        if given.where is not None or not source.is_dir():
            raise
        return _folder_rows(source, error)
    table = manifest.images.to_arrow(["uid", "dataset", "path"], given.where)
    roots = manifest.roots(given.roots)
    refuse_changed(manifest, table, roots, AnalysisError, "Build the manifest again.")
    return table, roots, []


def _folder_rows(source: Path, error: LayoutError) -> tuple[pa.Table, dict[str, Path], list[str]]:
    """The images of a folder without a layout, named by path. Raises `error` if there are none."""
    paths = [path for path in list_files(source).paths() if Path(path).suffix.lower() in EXTENSIONS]
    if not paths:
        raise error
    note = "The names of the images fit no layout; the rows are named by path alone."
    return pa.table({"dataset": [FOLDER] * len(paths), "path": paths}), {FOLDER: source}, [note]


def _earlier(path: Path, request: dict[str, Any]) -> dict[str, Any] | None:
    """The record of the file at `path` if the same request wrote it; None if there is no file.
    Raises RequestChanged."""
    if not path.exists():
        return None
    try:
        kept = json.loads((pq.read_schema(path).metadata or {}).get(METADATA, b"{}"))
    except (pa.ArrowException, OSError, ValueError):
        kept = {}
    if {name: kept.get(name) for name in request} == request:
        return kept
    raise RequestChanged(
        f"{path} holds something else than the features requested. Give another file with -o, or"
        " --force to replace it."
    )


def _write(
    path: Path,
    kind: Features,
    images: ImageBatch,
    record: dict[str, Any],
    workers: int | None,
    progress: Progress,
) -> int:
    """Write the features of all images, a row group at a time; return their dimensions."""
    writer = None
    try:
        for start, matrix in _blocks(kind, images, workers, progress):
            width = matrix.shape[1]
            values = pa.array(matrix.astype(np.float32).ravel())
            table = images.rows.slice(start, len(matrix)).append_column(
                FEATURE, pa.FixedSizeListArray.from_arrays(values, width)
            )
            if writer is None:
                text = json.dumps(record | {"dimensions": width})
                schema = table.schema.with_metadata({METADATA: text.encode()})
                writer = pq.ParquetWriter(path, schema, compression="zstd")
            writer.write_table(table.cast(writer.schema))
    finally:
        if writer:
            writer.close()
    return width


def _blocks(
    kind: Features, images: ImageBatch, workers: int | None, progress: Progress
) -> Iterator[tuple[int, np.ndarray]]:
    """The features `(n, D)` of a row group of images at a time, with the place of the first."""
    for start in range(0, len(images), _TOGETHER):
        part = ImageBatch(images.rows.slice(start, _TOGETHER), images.roots)
        reached = partial(_reached, progress, start, len(images))
        yield start, kind.extract(part, workers, reached)


def _reached(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)
