"""WebDataset shards: tar files in which an image and its attributes stand side by side.

Names are `train-000000.tar`, samples `<uid>.jpg` (or .png, as the bytes are) and `<uid>.json`. A key has no dot, since
readers take what follows the first one for the kind of file. Samples stand person by person, so that identity-balanced
batches can be read in runs; index.parquet says where each sample lies, index.json how many each shard holds. Tar
headers carry no time and no owner: the same images give the same shards, byte for byte.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.exports.plan import About, Packing, Plan, shards
from gprplus.exports.rows import by_person, known
from gprplus.runs import write_json, write_table

PARTS = {"train": "train", "val": "val", "query": "query", "gallery": "gallery"}
KINDS = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"RIFF": "webp", b"BM": "bmp", b"II*\x00": "tif", b"MM\x00*": "tif"}
_HEADER = 512  # bytes of one tar header


def plan(rows: pa.Table, about: About) -> Plan:
    """Shards of at most `about.shard_size` samples, as many in each of a part give or take one."""
    keys = [f"{uid:016x}" for uid in rows.column("uid").to_pylist()]
    table = known(rows)
    named = {
        f"{part}-{number:06d}.tar": run
        for part, positions in by_person(rows, PARTS).items()
        for number, run in enumerate(shards(positions, about.shard_size))
    }

    def write(path: Path, positions: np.ndarray, images: Iterator[bytes]) -> tuple[str, pa.Table]:
        samples = table.take(pa.array(positions))
        written = _write(path, [keys[i] for i in positions], samples.to_pylist(), images)
        columns = {"shard": [path.name] * len(written), **_columns(written)}
        return path.name, pa.table({**columns, **{name: samples.column(name) for name in samples.column_names}})

    def finish(home: Path, written: Sequence[tuple[str, pa.Table]]) -> None:
        write_table(home / "index.parquet", pa.concat_tables([samples for _, samples in written]))
        listed = [{"url": name, "nsamples": len(samples), **_digest(home / name)} for name, samples in written]
        write_json(
            home / "index.json",
            {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": about.name, "shardlist": listed},
        )

    where = {int(i): name for name, run in named.items() for i in run}
    return Plan([f"{where[i]}/{key}" for i, key in enumerate(keys)], packing=Packing(named, write, finish))


def _write(path: Path, keys: Sequence[str], rows: Sequence[dict[str, Any]], images: Iterator[bytes]) -> list[dict]:
    """One tar; for each sample its key, the kind of its image, and where the image's bytes lie in the tar."""
    found = []
    with path.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for key, row, image in zip(keys, rows, images, strict=True):
            kind = next((kind for magic, kind in KINDS.items() if image.startswith(magic)), "jpg")
            found.append({"key": key, "kind": kind, "offset": tar.offset + _HEADER, "size_bytes": len(image)})
            told = {name: value for name, value in row.items() if value is not None}
            for end, data in ((kind, image), ("json", json.dumps(told, ensure_ascii=False).encode())):
                member = tarfile.TarInfo(f"{key}.{end}")
                member.size, member.mode = len(data), 0o644
                tar.addfile(member, io.BytesIO(data))
    return found


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in ("key", "kind", "offset", "size_bytes")}


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"filesize": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
