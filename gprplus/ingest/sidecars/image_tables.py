"""Tables of images: one row for each image, with its path, its identity and what else is known.

A table is the source of a dataset (`build-manifest --table`), or adds attributes to one (`--join`).
`inspect --to-table` writes the same form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.arrow import to_numpy
from gprplus.core.declarations import Attributes, attributes, optional_attributes
from gprplus.core.errors import ManifestError, did_you_mean, escape, first_few
from gprplus.core.hashing import sha256_digest
from gprplus.core.sampling import is_valid
from gprplus.ingest.files.listing import RefusedPath
from gprplus.ingest.layouts.attribute_values import read_column
from gprplus.ingest.sidecars.columnar_tables import check_whole_numbers, read_columnar
from gprplus.ingest.sidecars.identities import Known
from gprplus.ingest.sidecars.table_cells import cell_text, coded_cells, mapped_column, text_column
from gprplus.ingest.sidecars.table_paths import usable_paths
from gprplus.schema import ROLES

if TYPE_CHECKING:
    import pyarrow as pa

ALIASES = {
    "path": ("file", "filename", "file_name", "filepath", "file_path", "image", "image_path"),
    "identity": ("id", "pid", "person", "person_id", "identity_id"),
    "camera": ("cam", "camid", "cam_id", "camera_id"),
}
FLAGS = ("is_junk", "is_distractor")
TEXTS = ("camera_code", "identity_token", "weather_code")
KEYS = ("path", "uid", "identity")
SOURCE_COLUMNS = ("uid", "path", "identity", "camera", "role", "frame", *FLAGS, *TEXTS)
# What a manifest measures itself: these columns of a table are left out without a word.
MEASURED = ("dataset", "images", "width_px", "height_px", "format", "size_bytes", "digest")
_TRUE, _FALSE = ("true", "yes", "1", "t", "y"), ("false", "no", "0", "f", "n")


@dataclass(frozen=True)
class ImageTable:
    """A table of images, read and checked.

    `key` is the column that joins it: path, uid or identity; `keys` are its values, each once.
    `images` has a column of the manifest for each of them, `traits` a column for each identity
    attribute, `people` the latter by identity where the table has identities. `attributes` are its
    attributes beyond those of every manifest, `refused` its rows without a usable path.
    """

    path: Path
    digest: str
    key: str
    keys: "pa.Array"
    images: "dict[str, pa.Array]"
    traits: "dict[str, pa.Array]"
    people: Known = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)
    refused: tuple[RefusedPath, ...] = ()
    sentences: tuple[str, ...] = ()


def read_image_table(path: Path, root: Path, own: Attributes) -> ImageTable:
    """Read a table that is the source of a dataset. Raises ManifestError.

    Paths are relative to `root`, or absolute below it. `own` are attributes that the user declares.
    """
    table = _keyed_table(path)
    for name in ("path", "identity"):
        if name not in table.column_names:
            raise ManifestError(
                f"{path} has no column '{name}' (or {', '.join(ALIASES[name])}); it has"
                f" {_listed(table.column_names)}."
            )
    table, refused = usable_paths(table, root)
    table, nameless = _with_identity(path, table)
    found = _attributes(path, table, own, _unique(path, table, "path"))
    images = _source_columns(path, table)
    people = identity_values(str(path), images["identity"], found.traits)
    return replace(
        found,
        images=images | found.images,
        people=people,
        refused=(*refused, *nameless),
    )


def read_join_table(path: Path, root: Path, own: Attributes) -> ImageTable:
    """Read a table that adds attributes to the images or identities of a dataset, by path, uid or
    identity. Raises ManifestError."""
    table = _keyed_table(path)
    key = next((name for name in KEYS if name in table.column_names), None)
    if key is None:
        raise ManifestError(
            f"{path} has no column path, uid or identity to join it by; it has"
            f" {_listed(table.column_names)}."
        )
    refused: list[RefusedPath] = []
    if key == "path":
        table, refused = usable_paths(table, root)
    if key != "identity":
        return replace(
            _attributes(path, table, own, _unique(path, table, key)), key=key, refused=(*refused,)
        )
    names = text_column(table["identity"])
    found = _attributes(path, table, own, names)
    if found.images:
        raise ManifestError(
            f"{path} has the column {next(iter(found.images))}, which belongs to single images,"
            " and only identities to join it by. Add a column path or uid."
        )
    return replace(found, key=key, people=identity_values(str(path), names, found.traits))


def _attributes(path: Path, table: "pa.Table", own: Attributes, keys: "pa.Array") -> ImageTable:
    """The attributes of a table, and sentences about what cannot be used."""
    declared = {**optional_attributes(), **own}
    known = {**attributes(), **declared}
    names = [name for name in table.column_names if name in known and name != "camera"]
    values, sentences = _values(table, names, known)
    given = {name: one for name, one in declared.items() if name in names}
    return ImageTable(
        path,
        table_digest(path, own),
        "path",
        keys,
        {name: values[name] for name in names if known[name].level == "image"},
        {name: values[name] for name in names if known[name].level == "identity"},
        attributes=given,
        sentences=(*sentences, *_unused(table.column_names, {*known, *SOURCE_COLUMNS})),
    )


def table_digest(path: Path, own: Attributes) -> str:
    """Digest of the bytes of a table and of the declarations that it is read with."""
    import hashlib

    with path.open("rb") as file:
        return sha256_digest(
            hashlib.file_digest(file, "sha256").hexdigest(), repr(sorted(own.items()))
        )


def _listed(names: Sequence[str]) -> str:
    return escape(", ".join(names[:12]))[:300] or "none"


def _keyed_table(path: Path) -> "pa.Table":
    """The table of a file, with aliases of columns replaced by their names."""
    table = read_columnar(path, ("path", *ALIASES["path"]))
    names = list(table.column_names)
    for name, others in ALIASES.items():
        found = [other for other in (name, *others) if other in names]
        if len(found) > 1 and name not in found:
            raise ManifestError(
                f"{path} has the columns {' and '.join(found)}: call the one that is meant"
                f" '{name}'."
            )
        if found and name not in found:
            names[names.index(found[0])] = name
    table = table.rename_columns(names)
    check_whole_numbers(path, table, *KEYS)
    return table


def _unique(path: Path, table: "pa.Table", key: str) -> "pa.Array":
    """The keys of a table. Raises ManifestError for one that occurs twice."""
    from gprplus.core.arrow import combine_chunks

    keys = combine_chunks(table["path"]) if key == "path" else _uids(path, table["uid"])
    counted = keys.value_counts()
    twice = np.flatnonzero(np.asarray(counted.field(1)) > 1)
    if len(twice):
        some = [str(counted.field(0)[i].as_py()) for i in twice[:3].tolist()]
        what = "file" if key == "path" else "uid"
        raise ManifestError(
            f"{path} names {len(twice):,} {what}{'s' if len(twice) > 1 else ''} more than once,"
            f" such as {escape(', '.join(some))[:200]}. Keep one row for each image."
        )
    return keys


def _with_identity(path: Path, table: "pa.Table") -> "tuple[pa.Table, list[RefusedPath]]":
    """The rows that have an identity or are junk; the others are refused."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from gprplus.core.arrow import from_numpy

    cells = text_column(table["identity"])
    empty = np.asarray(pc.is_null(cells))
    if "is_junk" in table.column_names:
        junk = _flags(path, "is_junk", table["is_junk"])
        empty &= ~np.asarray(pc.fill_null(junk, False))
    table = table.set_column(table.column_names.index("identity"), "identity", cells)
    if not empty.any():
        return table, []
    paths = table["path"].filter(from_numpy(empty)).to_pylist()
    why = "the table gives it no identity."
    rest = table.filter(from_numpy(~empty))
    assert pa.types.is_dictionary(rest["identity"].type)
    return rest, [RefusedPath(one, "identity", why) for one in paths]


def _source_columns(path: Path, table: "pa.Table") -> "dict[str, pa.Array]":
    """The columns that make an image: identity, camera, role and the like."""
    images = {"identity": text_column(table["identity"])}
    images["identity_token"] = images["identity"]
    here = set(table.column_names)
    if "camera" in here:
        images["camera"], images["camera_code"] = camera_numbers(table["camera"])
    for name in here & set(TEXTS):
        images[name] = text_column(table[name])
    if "role" in here:
        images["role"] = _roles(path, table["role"])
    for name in here & set(FLAGS):
        images[name] = _flags(path, name, table[name])
    if "frame" in here:
        images["frame"] = _frames(path, table["frame"])
    if "uid" in here:
        images["uid"] = _uids(path, table["uid"])
    return images


def camera_numbers(column: "pa.ChunkedArray") -> "tuple[pa.Array, pa.Array]":
    """Cameras as numbers, and as they are written.

    Where every cell is a whole number, that is the camera; else the names are numbered from 1 in
    sorted order.
    """
    from gprplus.core.arrow import combine_chunks, from_numpy

    written = text_column(column)
    cells, codes = coded_cells(written)
    texts = [str(cell) for cell in cells]
    whole = all(text.isascii() and text.isdigit() and int(text) < 2**31 for text in texts if text)
    values = [int(text) if whole else i for i, text in enumerate(texts, start=1)]
    numbers = np.array([*values, 0], np.int64)[codes]
    unknown = codes == len(texts)
    array = from_numpy(numbers.astype(np.int32), unknown=unknown)
    return array, combine_chunks(written) if hasattr(written, "chunks") else written


def _roles(path: Path, column: "pa.ChunkedArray") -> "pa.Array":
    found = mapped_column(column, lambda cell: (cell_text(cell) or "").lower() or None)
    for role in found.dictionary.to_pylist():
        if role not in ROLES:
            raise ManifestError(
                f"{path}: column 'role': unknown role '{escape(role)[:60]}'."
                f" {did_you_mean(role, ROLES)}"
            )
    return found


def _flags(path: Path, name: str, column: "pa.ChunkedArray") -> "pa.Array":
    from gprplus.core.arrow import from_numpy

    cells, codes = coded_cells(column)
    texts = [str(cell).strip().lower() for cell in cells]
    odd = [text for text in texts if text not in (*_TRUE, *_FALSE, "", "none", "nan")]
    if odd:
        raise ManifestError(
            f"{path}: column '{name}': expected true or false, found '{escape(odd[0])[:60]}'."
        )
    values = np.array([*(text in _TRUE for text in texts), False])
    return from_numpy(values[codes])


def _frames(path: Path, column: "pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    try:
        return mapped_column(column, cell_text).cast(pa.string()).cast(pa.int64())
    except pa.ArrowException:
        raise ManifestError(f"{path}: column 'frame': expected whole numbers.") from None


def _uids(path: Path, column: "pa.ChunkedArray") -> "pa.Array":
    import pyarrow as pa

    try:
        found = column.cast(pa.string()).cast(pa.uint64()).combine_chunks()
    except pa.ArrowException:
        found = None
    if found is None or found.null_count:
        raise ManifestError(
            f"{path}: column 'uid': expected a whole number of 64 bits in each row."
        )
    return found


def _values(
    table: "pa.Table", names: Sequence[str], known: Attributes
) -> "tuple[dict[str, pa.Array], list[str]]":
    """The attributes of a table; those of every manifest may have levels of the table's own."""
    values, sentences, shipped = {}, [], attributes()
    for name in names:
        values[name], found = read_column(name, known[name], table[name], words=name in shipped)
        if name == "viewpoint_deg":
            values[name] = _full_turns(values[name])
        sentences += found
    return values, sentences


def _full_turns(degrees: "pa.Array") -> "pa.Array":
    """Return directions `(N,) int32` as 0 to 359: -90 and 270 are one viewpoint, 0 and 360 too."""
    import pyarrow as pa

    return pa.array(to_numpy(degrees.fill_null(0)) % 360, degrees.type, mask=~is_valid(degrees))


def identity_values(where: str, identity: "pa.Array", traits: "dict[str, pa.Array]") -> Known:
    """The identity attributes of each identity. Raises ManifestError where its rows disagree."""
    import pyarrow as pa

    names, who = coded_cells(pa.chunked_array([identity]))
    known: Known = {}
    for attribute, column in traits.items():
        levels, codes = coded_cells(pa.chunked_array([column]))
        there = (codes < len(levels)) & (who < len(names))
        wide = max(len(levels), 1)
        pairs = np.unique(who[there] * wide + codes[there])
        owners = pairs // wide
        twice = np.flatnonzero(owners[1:] == owners[:-1])
        if len(twice):
            first = twice[0]
            one, two = (str(levels[pairs[i] % wide]) for i in (first, first + 1))
            raise ManifestError(
                f"{where} gives {attribute} of {len(set(owners[twice].tolist())):,}"
                f" {'identity' if len(set(owners[twice].tolist())) == 1 else 'identities'} twice"
                f" ('{escape(str(names[owners[first]]))}' is '{escape(one)}' and '{escape(two)}'):"
                " it belongs to the identity, so all its rows must agree."
            )
        for pair in pairs.tolist():
            known.setdefault(str(names[pair // wide]), {})[attribute] = str(levels[pair % wide])
    return known


def _unused(names: Sequence[str], known: set[str]) -> list[str]:
    """One sentence on the columns of a table that are no attributes; empty without any."""
    left = [name for name in names if name not in known and name not in MEASURED]
    if not left:
        return []
    return [
        f"the columns {escape(first_few(left, 6))} of the table are no attributes and were left"
        " out. Declare those to be kept in a TOML file, and give it with --attributes."
    ]
