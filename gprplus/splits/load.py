"""Reading the rows of an experiment: the columns it needs, of the rows it may use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.arrow import combine_chunks
from gprplus.core.declarations import Attributes, sort_levels
from gprplus.core.errors import ManifestError, SplitError
from gprplus.core.parallel import map_threads
from gprplus.ingest.filters.filter_columns import filter_images
from gprplus.ingest.filters.parse import Filter
from gprplus.ingest.filters.uid_selection import UidSelection
from gprplus.ingest.tables.derived_columns import derived_columns
from gprplus.ingest.tables.parquet_table import ParquetTable
from gprplus.schema.records import Protocol
from gprplus.splits.candidates import (
    UNKNOWN,
    AttributeCodes,
    CandidateTable,
    encode_levels,
    number_identities,
)
from gprplus.splits.lazy_columns import LazyColumns

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest

FLAGS = {"is_junk": "junk", "is_distractor": "distractor"}
Coded = tuple[np.ndarray, Sequence[Any]]  # codes (n,), -1 where unknown, into what follows


def load_candidates(
    manifest: "Manifest",
    where: Filter | UidSelection | None = None,
    protocol: Protocol | None = None,
) -> CandidateTable:
    """Load the rows that match `where` and have a known identity, as codes.

    Rows without an identity, junk and distractors can be neither training images nor queries here;
    `left_out` counts them. Row group after row group becomes codes of a byte or two, so that no
    table of all rows is ever in memory; paths are read in a thread meanwhile. `protocol` is that of
    the manifest by default. Raises ManifestError
    for a manifest without such rows, SplitError if the filter keeps nothing.
    """
    source = ParquetTable(manifest.path / "images.parquet")
    people = ParquetTable(manifest.path / "identities.parquet").read_all(
        [column.name for column in manifest.schema_of("identities")]
    )
    own, attributes = manifest.own_attributes, levelled(manifest, manifest.image_attributes)
    names = ["uid", "dataset", "identity", *attributes, *FLAGS]
    schema.require(source.names, [*names, "path", "digest"], str(source.path))
    passed = None if where is None else _passed(where, manifest, source, people)
    edges = np.cumsum([0, *source.sizes])

    def coded(group: int) -> GroupCodes:
        here = None if passed is None else passed[edges[group] : edges[group + 1]]
        return GroupCodes.of(source.read(group, names), here, attributes, own)

    blocks = list(map_threads(coded, range(len(source.sizes))))
    left_out = {
        reason: sum(block.left_out[reason] for block in blocks)
        for reason in (blocks[0].left_out if blocks else ())
    }
    if not any(len(block.uid) for block in blocks):
        raise nothing_left(manifest, where, sum(block.usable for block in blocks))
    person, persons = merge_datasets([block.identity for block in blocks], sorted, np.int32)
    images = {}
    for name in attributes:
        values, levels = merge_datasets(
            [block.images.pop(name) for block in blocks], partial(sort_levels, name, own=own)
        )
        images[name] = AttributeCodes(name, values, levels)
    return CandidateTable(
        uid=np.concatenate([block.uid for block in blocks]),
        identity=person,
        identities=persons,
        images=images,
        identity_attributes=identity_codes(
            people, persons, levelled(manifest, manifest.identity_attributes), own
        ),
        texts=LazyColumns(source, [block.kept for block in blocks], person),
        left_out={reason: count for reason, count in left_out.items() if count},
        own=own,
        protocol=protocol or manifest.protocol,
    )


def nothing_left(
    manifest: "Manifest", where: Filter | UidSelection | None, usable: int
) -> ManifestError | SplitError:
    """Return the error for a manifest of which no row remains; `usable` rows were there before
    `where`."""
    if where is not None and usable:
        return SplitError(f'--where "{where.text}" keeps none of the {usable:,} images; loosen it.')
    return ManifestError(f"{manifest.path} has no image with a known identity.")


def levelled(manifest: "Manifest", names: Sequence[str]) -> list[str]:
    """Return the attributes among `names` that have levels: no draw needs numbers."""
    known = manifest.attributes
    return [name for name in names if known[name].type != "number"]


def merge_datasets(
    parts: list[Coded],
    order: Callable[[set[Any]], list[Any]],
    kind: type[np.signedinteger] | None = None,
) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Codes of several blocks, each into its own levels, as codes into all of them, in the given
    order.

    Of the type `kind`, else of the smallest that leaves room for sums of a code and one.

    >>> merge_datasets([(np.array([0, 1]), ["b", "c"]), (np.array([0, -1]), ["a"])], sorted)
    (array([ 1,  2,  0, -1], dtype=int8), ('a', 'b', 'c'))
    """
    levels = tuple(order({level for _, vocabulary in parts for level in vocabulary}))
    place = {level: code for code, level in enumerate(levels)}
    kind = kind or (
        np.int8 if len(levels) <= 100 else np.int16 if len(levels) <= 30_000 else np.int32
    )
    out = np.empty(sum(len(codes) for codes, _ in parts), dtype=kind)
    start = 0
    for codes, vocabulary in parts:
        renumber = np.array([*(place[level] for level in vocabulary), UNKNOWN], dtype=kind)
        np.take(renumber, codes, out=out[start : start + len(codes)], mode="wrap")  # -1 is the last
        start += len(codes)
    return out, levels


@dataclass(frozen=True)
class GroupCodes:
    """A row group as codes; `usable` rows were there before --where."""

    uid: np.ndarray
    identity: Coded
    images: dict[str, Coded]
    kept: np.ndarray | None
    left_out: Mapping[str, int]
    usable: int

    @classmethod
    def of(
        cls,
        table: "pa.Table",
        passed: np.ndarray | None,
        attributes: Sequence[str],
        own: Attributes,
    ) -> "GroupCodes":
        """The rows of a table that can be used and that --where has `passed`."""
        keep, left_out = usable_rows(table)
        usable = int(keep.sum())
        if passed is not None:
            left_out["filtered out by --where"] = int((keep & ~passed).sum())
            keep &= passed
        rows = None if keep.all() else np.flatnonzero(keep)

        def coded(name: str) -> Coded:
            codes = encode_levels(name, table.column(name), own)
            small = codes.values.astype(np.int8) if len(codes.levels) < 127 else codes.values
            if rows is None:
                return small, codes.levels
            values = small[rows]
            used = np.bincount(values[values >= 0], minlength=len(codes.levels)) > 0
            renumber = np.append(np.cumsum(used) - 1, UNKNOWN).astype(small.dtype)
            return renumber[values], [
                level for level, there in zip(codes.levels, used, strict=True) if there
            ]

        (dataset, datasets), (identity, identities) = coded("dataset"), coded("identity")
        person, persons = number_identities(
            AttributeCodes("dataset", dataset, tuple(datasets)),
            AttributeCodes("identity", identity, tuple(identities)),
        )
        uid = sampling.to_numpy(combine_chunks(table.column("uid")))
        return cls(
            uid=uid if rows is None else uid[rows],
            identity=(person, persons),
            images={name: coded(name) for name in attributes},
            kept=None if rows is None else keep,
            left_out=left_out,
            usable=usable,
        )


def _passed(
    where: Filter | UidSelection, manifest: "Manifest", source: ParquetTable, people: "pa.Table"
) -> np.ndarray:
    """`(N,) bool`: the rows of all row groups that `where` keeps."""
    if isinstance(where, UidSelection):
        return where.keep(sampling.to_numpy(combine_chunks(source.read_all(["uid"]).column("uid"))))
    return filter_images(
        where,
        manifest.columns("images"),
        source.read_all,
        people,
        manifest.own_attributes,
        derived_columns(manifest.path, where.excluded),
    )


def usable_rows(table: "pa.Table") -> tuple[np.ndarray, dict[str, int]]:
    """Return the rows that can be used, `(n,) bool`, and the number of others by reason."""
    keep = sampling.is_valid(combine_chunks(table.column("identity")))
    left_out = {"without identity": int((~keep).sum())}
    for flag, reason in FLAGS.items():
        if table.column(flag).null_count == table.num_rows:
            left_out[reason] = 0
            continue
        column = combine_chunks(table.column(flag))
        flagged = sampling.to_numpy(column) & sampling.is_valid(column) & keep
        left_out[reason] = int(flagged.sum())
        keep &= ~flagged
    return keep, left_out


def identity_codes(
    people: "pa.Table",
    persons: tuple[tuple[str, str], ...],
    attributes: Sequence[str],
    own: Attributes,
) -> dict[str, AttributeCodes]:
    """Return identity attributes, one code for each identity; unknown if identities.parquet lacks
    the identity."""
    names = zip(
        people.column("dataset").to_pylist(), people.column("identity").to_pylist(), strict=True
    )
    row = {name: i for i, name in enumerate(names)}
    place = np.array([row.get(person, -1) for person in persons], dtype=np.int64)
    traits = {}
    for name in attributes:
        codes = encode_levels(name, people.column(name), own)
        values = np.append(codes.values, np.int32(-1))[place]
        traits[name] = AttributeCodes(name, values, codes.levels)
    return traits
