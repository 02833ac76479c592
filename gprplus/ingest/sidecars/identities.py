"""Identity attributes: a table next to the renders (CSV, Parquet, JSON or MATLAB), joined by
identity name.

The table has a column `identity` and any of the identity attributes of attributes.toml, as words or
in the codes that the layout declares. Levels become lower-case slugs; empty cells are unknown, and
invalid ones are unknown and reported. An identity has one row, or several that agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus import archives
from gprplus.core.declarations import (
    Attribute,
    Attributes,
    identity_attributes,
    optional_attributes,
)
from gprplus.core.errors import ManifestError, did_you_mean, escape, first_few
from gprplus.core.hashing import sha256_digest
from gprplus.ingest.files.archive_members import sidecar_path
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.sidecars import identity_codes
from gprplus.ingest.sidecars.identity_codes import CodeTable
from gprplus.schema import IDENTITIES, Column, conform, own_columns

if TYPE_CHECKING:
    import pyarrow as pa

Known = dict[str, dict[str, str]]


@dataclass(frozen=True)
class IdentityTable:
    """Content of an identities file: identity -> attribute -> level, and messages about invalid
    values."""

    known: Known = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def find_identity_file(listing: Listing, given: Path | None) -> Path | None:
    """Return the identities file: the given one, else `identities.csv` next to the renders, else
    none."""
    if given is not None:
        if not given.is_file():
            raise ManifestError(
                f"There is no file {given}; --identities expects a CSV, Parquet, JSON or .mat"
                " table."
            )
        return given
    place = sidecar_path(listing, "identities.csv")
    return place if archives.exists(place) else None


def file_digest(path: Path | None, code_table: str = "") -> str | None:
    """SHA-256 of the file's bytes and of the code table it is read with; None for no file."""
    if path is None:
        return None
    return sha256_digest(
        archives.read_file(path),
        *([identity_codes.load_code_table(code_table).digest] if code_table else []),
    )


def read_identities(
    path: Path | None, code_table: str = "", own: Attributes | None = None
) -> IdentityTable:
    """Read the identities of a file, with a code table if the layout has one. Raises ManifestError
    for unknown columns and contradictory rows.

    `own` are attributes that the user or the layout declares; look is always one of them.
    """
    if path is None:
        return IdentityTable()
    from gprplus.ingest.sidecars import table_files

    table = (
        identity_codes.load_code_table(code_table) if code_table else identity_codes.code_words()
    )
    shipped = optional_attributes()
    own = {
        name: one
        for name, one in {**shipped, **(own or {})}.items()
        if one.level == "identity" and name not in table.attributes
    }
    table = identity_codes.with_own_attributes(table, own)
    columns, rows = table_files.read_records(path)
    if path.suffix.lower() == ".mat" and not code_table:
        raise ManifestError(
            f"{path} writes codes, and the layout declares no code table to read them with. Add"
            " `codes = NAME` to it."
        )
    who = _check_columns(path, columns, table)
    known: Known = {}
    clashes: dict[str, str] = {}
    doubts: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        cells = {identity_codes.column_name(column): value for column, value in row.items()}
        name = str(cells.get(who, "")).strip()
        person = known.setdefault(name, {})
        for attribute, code in table.attributes.items():
            level, why = code.read(cells)
            if why:
                doubts.setdefault((attribute, why), []).append(name)
            if level is not None and person.setdefault(attribute, level) != level:
                clashes.setdefault(name, f"{attribute} is '{person[attribute]}' and '{level}'")
    if clashes:
        examples = first_few([f"'{name}': {clash}" for name, clash in clashes.items()])
        raise ManifestError(
            f"{path} has conflicting rows for {len(clashes):,}"
            f" {'identity' if len(clashes) == 1 else 'identities'} ({examples}). Keep one row for each"
            " identity."
        )
    return IdentityTable(known, tuple(_doubt(*key, names) for key, names in sorted(doubts.items())))


def _check_columns(path: Path, columns: list[str], table: CodeTable) -> str:
    """Return the column with the identity; all other columns are known."""
    allowed = {identity_codes.column_name(name) for name in table.columns}
    present = {identity_codes.column_name(name): name for name in columns}
    if len(present) < len(columns):
        twice = next(
            name
            for name in columns
            if present[identity_codes.column_name(name)] != name or columns.count(name) > 1
        )
        raise ManifestError(f"{path} has the column '{twice}' twice. Keep one of the two.")
    who = next((name for name in (*table.identity, "identity") if name in present), None)
    if who is None:
        raise ManifestError(
            f"{path} has no column '{table.identity[0]}'; it has {', '.join(columns) or 'none'}."
        )
    for name, written in present.items():
        if name not in allowed | {"identity"}:
            raise ManifestError(
                f"{path} has an unknown column '{escape(written)[:80]}'."
                f" {did_you_mean(name, allowed)} An attribute of your own is declared in a TOML"
                f" file, such as [{name if name.isidentifier() else 'team'}] with level = "
                '"identity" and type = "category": give it with --attributes FILE.toml.'
            )
    return who


def _doubt(attribute: str, why: str, names: list[str]) -> str:
    count = f"{len(names):,} {'identity' if len(names) == 1 else 'identities'}"
    return (
        f"the identities file gives {attribute} {why} for {count} ({first_few(sorted(names))}): it"
        " stays unknown."
    )


def identity_table(
    dataset: str, images: "pa.Table", known: Known, own: Attributes | None = None
) -> "pa.Table":
    """Return the identities table of one dataset: all identities with an image that is neither junk
    nor a distractor, sorted by name. `own` are its attributes beyond those of every manifest.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from gprplus.core.arrow import from_numpy, from_strings

    counted = pc.and_(pc.is_valid(images["identity"]), pc.invert(images["is_distractor"]))
    counts = images["identity"].filter(counted).cast(pa.string()).value_counts()
    found = dict(zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True))
    names = sorted(found)
    columns: dict[str, pa.Array] = {
        "dataset": from_strings([dataset] * len(names)),
        "identity": from_strings(names),
        "images": from_numpy(np.array([found[name] for name in names], np.int64)),
    }
    for attribute in identity_attributes():
        columns[attribute] = from_strings([known.get(name, {}).get(attribute) for name in names])
    added = own_columns(own or {}, "identity")
    for column in added:
        values = [known.get(name, {}).get(column.name) for name in names]
        texts = from_strings(values)
        columns[column.name] = texts if column.type == "level" else _numbers(values, column)
    return conform(encode_identities(columns), (*IDENTITIES, *added))


def _numbers(values: Sequence[str | None], column: Column) -> "pa.Array":
    import pyarrow as pa

    read = int if column.type == "int32" else float
    return pa.array([None if value is None else read(value) for value in values])


def encode_identities(columns: "Mapping[str, pa.Array]") -> "pa.Table":
    """Columns as a table, strings as dictionaries with 32-bit codes."""
    import pyarrow as pa

    return pa.table(
        {
            name: a.dictionary_encode() if pa.types.is_string(a.type) else a
            for name, a in columns.items()
        }
    )


def given_attributes(people: IdentityTable) -> dict[str, Attribute]:
    """Return the shipped optional attributes of which an identities file has a value."""
    given = {name for person in people.known.values() for name in person}
    return {name: one for name, one in optional_attributes().items() if name in given}


def unmatched_identities(known: Known, names: Iterable[str]) -> list[str]:
    """Return identities of the file without an image, sorted."""
    return sorted(set(known) - set(names))
