"""Parquet with the images inside, as Hugging Face's `datasets` loads and hosts it.

`load_dataset(FOLDER)` gives the parts train, validation, query and gallery, with a decoded `image` and every attribute
as a column. README.md is the dataset's card: its head tells `datasets` which files belong to which part, and people and
machines under which licence the images stand.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gprplus.exports.plan import About, Packing, Plan, shards
from gprplus.exports.rows import by_person, known
from gprplus.runs import write_text
from gprplus.schema import IDENTITIES, IMAGES

PARTS = {"train": "train", "val": "validation", "query": "query", "gallery": "gallery"}
ROW_GROUP = 256  # images: a few MB, so that one can be shown or streamed without its neighbours
HOSTED = re.compile(r"(apache-2\.0|mit|cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-[234]\.0)", re.IGNORECASE)  # names the hub knows
_KINDS = {"string": "string", "int32": "int32", "int64": "int64", "bool": "bool"}


def plan(rows: pa.Table, about: About) -> Plan:
    """Files `data/<part>-00000-of-00001.parquet` of at most `about.shard_size` images, and README.md."""
    table, parts = known(rows), by_person(rows, PARTS)
    named: dict[str, np.ndarray] = {}
    for part, positions in parts.items():
        runs = shards(positions, about.shard_size)
        named |= {f"data/{part}-{i:05d}-of-{len(runs):05d}.parquet": run for i, run in enumerate(runs)}
    layout = _layout(table)

    def write(path: Path, positions: np.ndarray, images: Iterator[bytes]) -> None:
        with pq.ParquetWriter(path, layout, compression="zstd") as writer:
            for start in range(0, len(positions), ROW_GROUP):
                group = table.take(pa.array(positions[start : start + ROW_GROUP]))
                names = [Path(path).name for path in group.column("path").to_pylist()]
                cells = [{"bytes": next(images), "path": name} for name in names]
                image = pa.array(cells, layout.field("image").type)
                writer.write_table(pa.table([image, *group.columns], schema=layout))

    def finish(home: Path, written: Sequence[None]) -> None:
        write_text(home / "README.md", card(table, {name: len(run) for name, run in parts.items()}, about))

    where = {int(i): name for name, run in named.items() for i in run}
    files = [f"{where[i]}/{uid}" for i, uid in enumerate(rows.column("uid").to_pylist())]
    return Plan(files, ("data",), packing=Packing(named, write, finish))


def _layout(table: pa.Table) -> pa.Schema:
    """The columns with the image before them; what `datasets` is told of their kinds rides along as metadata."""
    image = pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    kinds = {field.name: {"dtype": _KINDS[str(field.type)], "_type": "Value"} for field in table.schema}
    told = json.dumps({"info": {"features": {"image": {"_type": "Image"}, **kinds}}})
    return pa.schema([image, *table.schema], metadata={"huggingface": told})


def card(table: pa.Table, parts: Mapping[str, int], about: About) -> str:
    """README.md: the head that the hub reads, then what is here, under which licence, and how to load it."""
    said = sorted({str(facts.get("licence") or "not stated") for facts in about.datasets.values()})
    one = said[0] if len(said) == 1 and HOSTED.fullmatch(said[0]) else None
    title = f"{about.name}, {about.arm}" if about.arm else about.name
    head = [
        "---",
        f"pretty_name: {json.dumps(title)}",
        *([f"license: {one.lower()}"] if one else ["license: other", f"license_name: {json.dumps('; '.join(said))}"]),
        "tags:",
        *(f"- {tag}" for tag in ("person-re-identification", "synthetic", "gprplus")),
        "size_categories:",
        f"- {_size(sum(parts.values()))}",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(f"  - split: {name}\n    path: data/{name}-*.parquet" for name in parts),
        "---",
    ]
    body = [
        f"# {title}",
        f"Made by gprplus from the {'split' if about.arm else 'source'} `{about.name}` (fingerprint "
        f"`{about.fingerprint}`). The bytes of every image are those of its source.",
        _grid(("part", "images"), [(name, f"{count:,}") for name, count in parts.items()]),
        '```python\nfrom datasets import load_dataset\n\nparts = load_dataset("FOLDER")  # where this page lies\n```',
        "## Licence",
        "Every dataset keeps its own; an export changes nothing about it.",
        _grid(("dataset", "title", "licence"), [_licence(name, facts) for name, facts in about.datasets.items()]),
        "## Columns",
        _grid(("column", "what it is"), [("`image`", "The image."), *_sentences(table.column_names)]),
    ]
    return "\n".join(head) + "\n\n" + "\n\n".join(body) + "\n"


def _licence(name: str, facts: Mapping[str, Any]) -> tuple[str, str, str]:
    return f"`{name}`", str(facts.get("title") or ""), str(facts.get("licence") or "not stated")


def _sentences(names: Sequence[str]) -> list[tuple[str, str]]:
    told = {column.name: column.sentence for column in (*IDENTITIES, *IMAGES)}
    return [(f"`{name}`", told.get(name, "")) for name in names]


def _grid(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _size(images: int) -> str:
    """The hub's word for a number of images.

    >>> _size(12), _size(20_000), _size(3_000_000)
    ('n<1K', '10K<n<100K', '1M<n<10M')
    """
    steps = ("1K", "10K", "100K", "1M", "10M", "100M")
    for i, name in enumerate(steps):
        if images < 1000 * 10**i:
            return f"{steps[i - 1]}<n<{name}" if i else f"n<{name}"
    return f"n>{steps[-1]}"
