"""WebDataset shards: tar files with an image and its attributes as consecutive members.

Names are `train-000000.tar`, samples `<uid>.jpg` and `<uid>.json`. A key has no dot, because
readers take the text after the first dot as the extension. All samples have one image extension,
because readers expect one, and all json files the same keys (null for unknown): Hugging Face's
loader infers keys and types from the first five samples, so these have every attribute if possible.
README.md declares parts and types for `load_dataset(FOLDER)`, which infers nothing. Otherwise
samples are sorted by identity, so that identity-balanced batches can be read sequentially;
index.parquet has the location of each sample, index.json the number of samples of each shard. Tar
headers have no time and no owner: the same images give the same shards, byte for byte.
"""

import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.core.files.workdir import write_json, write_table, write_text
from gprplus.core.imaging.image_headers import format_of
from gprplus.exports import croissant
from gprplus.exports.croissant import OtherFiles, RecordFiles
from gprplus.exports.dataset_card import KINDS, CardSection, dataset_card
from gprplus.exports.export_layout import ExportInfo, ExportLayout, ShardSpec, split_into_shards
from gprplus.exports.rows import known_columns, order_by_identity

PARTS = {"train": "train", "val": "val", "query": "query", "gallery": "gallery"}
SPLITS = {
    **{part: part for part in PARTS.values()},
    "val": "validation",
}  # names of the parts in `datasets`
ENDINGS = {"jpeg": "jpg", "tiff": "tif"}  # where they differ from the name of the format
LOOKED_AT = 5  # samples from which Hugging Face's loader infers keys and types
_HEADER = 512  # bytes of one tar header


def plan_webdataset(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """Shards of at most `about.shard_size` samples, as many in each of a part give or take one."""
    keys = [f"{uid:016x}" for uid in rows.column("uid").to_pylist()]
    table, end = known_columns(rows, ("shard", "kind", "offset")), _ending(rows)
    parts = {
        part: _known_first(table, positions)
        for part, positions in order_by_identity(rows, PARTS).items()
    }
    named = {
        f"{part}-{number:06d}.tar": run
        for part, positions in parts.items()
        for number, run in enumerate(split_into_shards(positions, about.shard_size))
    }

    def write(path: Path, positions: np.ndarray, images: Iterator[bytes]) -> tuple[str, pa.Table]:
        samples = table.take(pa.array(positions))
        written = _write(path, end, [keys[i] for i in positions], samples.to_pylist(), images)
        columns = {"shard": [path.name] * len(written), **_columns(written)}
        return path.name, pa.table(
            {**columns, **{name: samples.column(name) for name in samples.column_names}}
        )

    def finish(home: Path, written: Sequence[tuple[str, pa.Table]]) -> Sequence[str]:
        index = pa.concat_tables([samples for _, samples in written])
        write_table(home / "index.parquet", index)
        listed = [
            {"url": name, "nsamples": len(samples), **_digest(home / name)}
            for name, samples in written
        ]
        write_json(
            home / "index.json",
            {
                "__kind__": "wids-shard-index-v1",
                "wids_version": 1,
                "name": about.name,
                "shardlist": listed,
            },
        )
        lines = [
            CardSection(SPLITS[part], f"{part}-*.tar", len(positions))
            for part, positions in parts.items()
        ]
        write_text(home / "README.md", dataset_card(table, lines, about, _features(table, end)))
        tars = [
            OtherFiles(f"{part}-shards", f"{part}-*.tar", "application/x-tar") for part in parts
        ]
        write_json(
            home / croissant.FILE,
            croissant.croissant_record(
                index, [RecordFiles("samples", "index.parquet")], about, tars
            ),
        )
        return _of_other_formats(index, end)

    where = {int(i): name for name, run in named.items() for i in run}
    return ExportLayout(
        [f"{where[i]}/{key}" for i, key in enumerate(keys)], packing=ShardSpec(named, write, finish)
    )


def _ending(rows: pa.Table) -> str:
    """The image ending of all samples: the most frequent one of the paths."""
    suffixes = Counter(
        PurePosixPath(path).suffix[1:].lower() for path in rows.column("path").to_pylist()
    )
    found = min(suffixes, key=lambda suffix: (-suffixes[suffix], suffix), default="") or "jpg"
    return ENDINGS.get(found, found)


def _known_first(table: pa.Table, positions: np.ndarray) -> np.ndarray:
    """Return `positions` with up to LOOKED_AT of them moved to the front, so that these have a
    value in each column.

    Nothing moves if the first ones already have all values.
    """
    rows = table.take(pa.array(positions))
    valid = np.stack(
        [np.asarray(rows.column(name).is_valid()) for name in rows.column_names], axis=1
    )
    missing = valid.any(axis=0) & ~valid[:LOOKED_AT].any(axis=0)
    if not missing.any():
        return positions
    missing, first = valid.any(axis=0), list[int]()
    while missing.any() and len(first) < LOOKED_AT:
        first.append(int(valid[:, missing].sum(axis=1).argmax()))
        missing &= ~valid[first[-1]]
    return np.concatenate([positions[first], np.delete(positions, first)])


def _features(table: pa.Table, end: str) -> list[str]:
    """Columns and types as YAML, as `datasets` writes them."""
    attributes = [
        f"    - name: {field.name}\n      dtype: {KINDS[str(field.type)]}" for field in table.schema
    ]
    keys = [f"  - name: {name}\n    dtype: string" for name in ("__key__", "__url__")]
    return [f"  - name: {end}\n    dtype: image", "  - name: json\n    struct:", *attributes, *keys]


def _of_other_formats(index: pa.Table, end: str) -> list[str]:
    """A sentence on images whose format is not that of their ending."""
    others = Counter(kind for kind in index.column("kind").to_pylist() if kind != end)
    if not others:
        return []
    return [
        f"{others.total():,} images ({', '.join(sorted(others))}) have the extension .{end}, the"
        " only one that readers of shards accept; their bytes are unchanged, so decoders that"
        " detect the format (Pillow, OpenCV) read them."
    ]


def _write(
    path: Path,
    end: str,
    keys: Sequence[str],
    rows: Sequence[dict[str, Any]],
    images: Iterator[bytes],
) -> list[dict[str, Any]]:
    """Write one tar; return for each sample its key, the format of its image, and the offset of its
    bytes in the tar.
    """
    found = []
    with (
        path.open("wb") as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for key, row, image in zip(keys, rows, images, strict=True):
            kind = str(format_of(image))
            found.append(
                {
                    "key": key,
                    "kind": ENDINGS.get(kind, kind),
                    "offset": tar.offset + _HEADER,
                    "size_bytes": len(image),
                }
            )
            for ending, data in (
                (end, image),
                ("json", json.dumps(row, ensure_ascii=False).encode()),
            ):
                member = tarfile.TarInfo(f"{key}.{ending}")
                member.size, member.mode = len(data), 0o644
                tar.addfile(member, io.BytesIO(data))
    return found


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in ("key", "kind", "offset", "size_bytes")}


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {
            "filesize": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }
