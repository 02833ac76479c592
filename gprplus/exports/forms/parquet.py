"""Parquet with embedded images, as loaded and hosted by Hugging Face's `datasets`.

`load_dataset(FOLDER)` gives the parts train, validation, query and gallery, with a decoded `image`
and every attribute as a column. README.md is the dataset card: its header lists the files of each
part for `datasets`, and the licence of the images.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gprplus.core.files.workdir import write_json, write_text
from gprplus.exports import croissant
from gprplus.exports.croissant import RecordFiles
from gprplus.exports.dataset_card import KINDS, CardSection, dataset_card
from gprplus.exports.export_layout import ExportInfo, ExportLayout, ShardSpec, split_into_shards
from gprplus.exports.rows import known_columns, order_by_identity

PARTS = {"train": "train", "val": "validation", "query": "query", "gallery": "gallery"}
ROW_GROUP = 256  # images: a few MB, so that one can be shown or streamed without its neighbours


def plan_parquet(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """Files `data/<part>-00000-of-00001.parquet` of at most `about.shard_size` images, and
    README.md."""
    table, parts = known_columns(rows, ("image",)), order_by_identity(rows, PARTS)
    named: dict[str, np.ndarray] = {}
    for part, positions in parts.items():
        runs = split_into_shards(positions, about.shard_size)
        named |= {
            f"data/{part}-{i:05d}-of-{len(runs):05d}.parquet": run for i, run in enumerate(runs)
        }
    layout = _layout(table)

    def write(path: Path, positions: np.ndarray, images: Iterator[bytes]) -> None:
        with pq.ParquetWriter(path, layout, compression="zstd") as writer:
            for start in range(0, len(positions), ROW_GROUP):
                group = table.take(pa.array(positions[start : start + ROW_GROUP]))
                names = [Path(path).name for path in group.column("path").to_pylist()]
                cells = [{"bytes": next(images), "path": name} for name in names]
                image = pa.array(cells, layout.field("image").type)
                writer.write_table(pa.table([image, *group.columns], schema=layout))

    def finish(home: Path, written: Sequence[None]) -> Sequence[str]:
        listed = [
            CardSection(name, f"data/{name}-*.parquet", len(run)) for name, run in parts.items()
        ]
        write_text(home / "README.md", dataset_card(table, listed, about))
        records = [RecordFiles(part.name, part.files, images=True) for part in listed]
        write_json(home / croissant.FILE, croissant.croissant_record(table, records, about))
        return ()

    where = {int(i): name for name, run in named.items() for i in run}
    files = [f"{where[i]}/{uid}" for i, uid in enumerate(rows.column("uid").to_pylist())]
    return ExportLayout(files, ("data",), packing=ShardSpec(named, write, finish))


def _layout(table: pa.Table) -> pa.Schema:
    """Prepend the image column; the metadata has the feature types for `datasets`."""
    image = pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    kinds = {
        field.name: {"dtype": KINDS[str(field.type)], "_type": "Value"} for field in table.schema
    }
    metadata = json.dumps({"info": {"features": {"image": {"_type": "Image"}, **kinds}}})
    return pa.schema([image, *table.schema], metadata={"huggingface": metadata})
