"""README.md of a packed export: the header for `datasets` and the hub, and a readable page."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from gprplus.core.declarations import engine_titles
from gprplus.exports.export_layout import ExportInfo
from gprplus.schema.manifest_record import DatasetFacts

HOSTED = re.compile(
    r"(apache-2\.0|mit|cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-[234]\.0)", re.IGNORECASE
)  # names of the hub
KINDS = {
    "string": "string",
    "int32": "int32",
    "int64": "int64",
    "double": "float64",
    "bool": "bool",
}


@dataclass(frozen=True)
class CardSection:
    """A part of the data: its name in `datasets`, the pattern of its files, and its number of
    images."""

    name: str
    files: str
    images: int


def dataset_card(
    table: pa.Table,
    parts: Sequence[CardSection],
    about: ExportInfo,
    features: Sequence[str] = (),
    lead: str = "`image`",
) -> str:
    """Return README.md: parts, licences, columns and how to load them.

    `features` are the lines of YAML that declare columns and types, for forms whose files do not;
    `lead` is the column of the image.
    """
    title = f"{about.name}, {about.arm}" if about.arm else about.name
    body = [
        f"# {title}",
        (
            f"Made by gprplus from the {'split' if about.arm else 'source'} `{about.name}`"
            f" (fingerprint `{about.fingerprint}`). The bytes of every image are those of its"
            " source."
        ),
        _grid(("part", "images"), [(part.name, f"{part.images:,}") for part in parts]),
        (
            '```python\nfrom datasets import load_dataset\n\nparts = load_dataset("FOLDER")  # this'
            " folder\n```"
        ),
        "## Licence",
        "Every dataset keeps its own; an export changes nothing about it.",
        _grid(
            ("dataset", "title", "licence"),
            [_licence(name, dataset) for name, dataset in about.datasets.items()],
        ),
        "## Columns",
        _grid(("column", "what it is"), [(lead, "The image."), *_sentences(table.schema)]),
    ]
    return "\n".join(_head(title, parts, about, features)) + "\n\n" + "\n\n".join(body) + "\n"


def _head(
    title: str, parts: Sequence[CardSection], about: ExportInfo, features: Sequence[str]
) -> list[str]:
    licences = sorted({str(dataset.licence or "not stated") for dataset in about.datasets.values()})
    drawn = {dataset.title for dataset in about.datasets.values()} <= engine_titles()
    tags = ["person-re-identification", *(["synthetic"] if drawn else []), "gprplus"]
    one = licences[0] if len(licences) == 1 and HOSTED.fullmatch(licences[0]) else None
    return [
        "---",
        f"pretty_name: {json.dumps(title)}",
        *(
            [f"license: {one.lower()}"]
            if one
            else ["license: other", f"license_name: {json.dumps('; '.join(licences))}"]
        ),
        "tags:",
        *(f"- {tag}" for tag in tags),
        "size_categories:",
        f"- {_size(sum(part.images for part in parts))}",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(f"  - split: {part.name}\n    path: {part.files}" for part in parts),
        *(["dataset_info:", "  features:", *features] if features else []),
        "---",
    ]


def _licence(name: str, dataset: DatasetFacts) -> tuple[str, str, str]:
    return f"`{name}`", str(dataset.title or ""), str(dataset.licence or "not stated")


def _sentences(fields: pa.Schema) -> list[tuple[str, str]]:
    """The columns and what they are, from the metadata of the fields."""
    return [(f"`{field.name}`", column_sentence(field)) for field in fields]


def column_sentence(field: pa.Field) -> str:
    """What a column is, as its declaration states it; "" if that is unknown."""
    return (field.metadata or {}).get(b"sentence", b"").decode()


def _grid(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    """Text on one line that ends no cell and is no markup: titles and licences come from files.

    >>> _cell("a | b\\n<script>")
    'a \\\\| b &lt;script>'
    """
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


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
