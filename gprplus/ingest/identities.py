"""Identity-level attributes: a CSV or Parquet table beside the renders, joined by identity name.

The table has a column `identity` and any of the identity-level attributes of attributes.toml. Levels become lower-case
slugs; empty cells are unknown. One person has one row, or rows that agree.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gprplus.declared import identity_attributes
from gprplus.errors import ManifestError, examples, nearest
from gprplus.keys import digest
from gprplus.schema import IDENTITIES, conform

Row = Mapping[str, object]
Known = dict[str, dict[str, str]]


def find(root: Path, given: Path | None) -> Path | None:
    """The identities file: the one given, else `identities.csv` beside the renders, else none."""
    if given is not None:
        if not given.is_file():
            raise ManifestError(f"There is no file {given}; --identities expects a CSV or Parquet table.")
        return given
    beside = root / "identities.csv"
    return beside if beside.is_file() else None


def file_digest(path: Path | None) -> str | None:
    """SHA-256 of the file's bytes, None for no file."""
    return None if path is None else digest(path.read_bytes())


def read_identities(path: Path | None) -> Known:
    """Identity -> attribute -> level, from a CSV or Parquet file. Raises ManifestError on what does not fit."""
    if path is None:
        return {}
    columns, rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    allowed = ["identity", *identity_attributes()]
    if "identity" not in columns:
        raise ManifestError(f"{path} has no column 'identity'; it has {', '.join(columns) or 'none'}.")
    for column in columns:
        if column not in allowed:
            raise ManifestError(f"{path} has an unknown column '{column}'. {nearest(column, allowed)}")
    known: Known = {}
    for row in rows:
        name = str(row["identity"]).strip()
        levels = {key: slug(row[key]) for key in columns if key != "identity" and slug(row[key])}
        before = known.setdefault(name, levels)
        if before != levels:
            clash = next(key for key in columns if before.get(key) != levels.get(key))
            raise ManifestError(
                f"{path} says two things of identity '{name}': {clash} is {before.get(clash)!r} and "
                f"{levels.get(clash)!r}. "
                "Keep one row for each identity."
            )
    return known


def slug(value: object) -> str:
    """A level as a lower-case slug; '' for an empty cell.

    >>> slug("Dark Blue "), slug(True), slug(None)
    ('dark-blue', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return re.sub(r"[\s_]+", "-", str(value).strip().lower())


def _csv(path: Path) -> tuple[list[str], list[Row]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns, rows = list(reader.fieldnames or []), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path} cannot be read as CSV: {error}.") from error
    ragged = [i for i, row in enumerate(rows, start=2) if None in row or None in row.values()]
    if ragged:
        raise ManifestError(f"{path}: line(s) {examples(ragged)} do not have the {len(columns)} cells of the header.")
    return columns, rows  # type: ignore[return-value]


def _parquet(path: Path) -> tuple[list[str], list[Row]]:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ManifestError(f"{path} cannot be read as Parquet: {error}.") from error
    return table.column_names, table.to_pylist()


def identity_table(dataset: str, images: pa.Table, known: Known) -> pa.Table:
    """The identities table of one dataset: everybody who has an image that is neither junk nor a distractor, sorted by
    name.
    """
    people = images.filter(pc.and_(pc.is_valid(images["identity"]), pc.invert(images["is_distractor"])))
    counts = people["identity"].cast(pa.string()).value_counts()
    found = dict(zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True))
    names = sorted(found)
    columns: dict[str, pa.Array] = {
        "dataset": pa.array([dataset] * len(names), pa.string()),
        "identity": pa.array(names, pa.string()),
        "images": pa.array([found[name] for name in names], pa.int64()),
    }
    for attribute in identity_attributes():
        columns[attribute] = pa.array([known.get(name, {}).get(attribute) for name in names], pa.string())
    return conform(encoded(columns), IDENTITIES)


def encoded(columns: Mapping[str, pa.Array]) -> pa.Table:
    """Columns as a table, strings as dictionaries with 32-bit codes."""
    return pa.table({name: a.dictionary_encode() if pa.types.is_string(a.type) else a for name, a in columns.items()})


def strangers(known: Known, names: Iterable[str]) -> list[str]:
    """Identities that the file speaks of and no image shows, sorted."""
    return sorted(set(known) - set(names))
