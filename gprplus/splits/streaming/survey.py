"""The first pass over a manifest: which rows a split may use, their identities and their levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.arrow import combine_chunks, from_numpy
from gprplus.core.declarations import Attributes, sort_levels
from gprplus.core.parallel import map_threads
from gprplus.ingest.filters.filter_columns import filter_images, identity_places
from gprplus.ingest.filters.parse import Filter
from gprplus.ingest.tables.parquet_table import ParquetTable
from gprplus.schema.records import Protocol
from gprplus.splits.candidates import AttributeCodes, CandidateTable
from gprplus.splits.load import FLAGS, GroupCodes, identity_codes, levelled, nothing_left

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest
    from gprplus.splits.lazy_columns import LazyColumns

Identity = tuple[str, str]  # dataset, identity


@dataclass(frozen=True)
class Survey:
    """What all blocks of a manifest share.

    Attributes:
        source: The images table.
        kept: The rows of each row group that may be used, as packed bits; None for all of them.
        identities: (dataset, identity) of each identity, sorted, which is the order of the rows.
        rows: Usable rows of each identity, `(I,)`.
        levels: The levels of each image attribute.
        traits: The attributes of identities.
        left_out: Rows that are not used, by reason.
        own: The attributes that the manifest declares itself.
        protocol: The protocol of the manifest, or the one that was requested.
    """

    source: ParquetTable
    kept: tuple[bytes | None, ...]
    identities: tuple[Identity, ...]
    rows: np.ndarray
    levels: Mapping[str, tuple[Any, ...]]
    traits: Mapping[str, AttributeCodes]
    left_out: Mapping[str, int]
    own: Attributes
    protocol: Protocol | None

    def columns(self) -> CandidateTable:
        """Return the candidates without their rows: identities, levels and names of attributes."""
        empty = np.empty(0, dtype=np.int32)
        images = {name: AttributeCodes(name, empty, found) for name, found in self.levels.items()}
        return CandidateTable(
            uid=np.empty(0, dtype=np.uint64),
            identity=empty,
            identities=self.identities,
            images=images,
            identity_attributes=self.traits,
            texts=cast("LazyColumns", None),
            left_out=self.left_out,
            own=self.own,
            protocol=self.protocol,
        )


def survey_manifest(
    manifest: "Manifest", where: Filter | None, protocol: Protocol | None
) -> Survey | None:
    """Read the manifest once; None where its rows are not sorted by dataset, identity, path, as
    those of a built manifest are.

    Raises ManifestError for a manifest without usable rows, SplitError if the filter keeps nothing.
    """
    source = ParquetTable(manifest.path / "images.parquet")
    people = ParquetTable(manifest.path / "identities.parquet").read_all(
        [column.name for column in manifest.schema_of("identities")]
    )
    attributes = levelled(manifest, manifest.image_attributes)
    names = ["uid", "dataset", "identity", *attributes, *FLAGS, "path"]
    schema.require(source.names, [*names, "digest"], str(source.path))
    passed = None
    if where is not None:
        passed = partial(_passed, where, manifest, source, people, identity_places(people))
    found = _Found({name: set() for name in attributes})

    def read(group: int) -> "_Group":
        table = source.read(group, names)
        here = None if passed is None else passed(group)
        return _Group.of(
            GroupCodes.of(table, here, attributes, manifest.own_attributes), table.column("path")
        )

    for group in map_threads(read, range(len(source.sizes))):
        if not found.add(group):
            return None
    if not found.identities:
        raise nothing_left(manifest, where, found.usable)
    own = manifest.own_attributes
    identities = tuple(found.identities)
    return Survey(
        source,
        tuple(found.kept),
        identities,
        np.array(found.rows, dtype=np.int64),
        {name: tuple(sort_levels(name, held, own)) for name, held in found.levels.items()},
        identity_codes(people, identities, levelled(manifest, manifest.identity_attributes), own),
        {reason: count for reason, count in found.left_out.items() if count},
        own,
        protocol or manifest.protocol,
    )


def _passed(
    where: Filter,
    manifest: "Manifest",
    source: ParquetTable,
    people: "pa.Table",
    places: Mapping[tuple[str | None, str | None], int],
    group: int,
) -> np.ndarray:
    """`(n,) bool`: the rows of a row group that a filter keeps."""
    read = partial(source.read, group)
    own = manifest.own_attributes
    return filter_images(where, manifest.columns("images"), read, people, own, places=places)


@dataclass(frozen=True)
class _Group:
    """What a row group adds to a survey; `first` and `last` are the paths of its ends."""

    kept: bytes | None
    identities: Sequence[Identity]
    rows: np.ndarray
    ascending: bool
    first: str
    last: str
    levels: Mapping[str, Sequence[Any]]
    left_out: Mapping[str, int]
    usable: int

    @classmethod
    def of(cls, codes: GroupCodes, paths: "pa.ChunkedArray") -> "_Group":
        person, identities = codes.identity
        texts = combine_chunks(paths)
        if codes.kept is not None:
            texts = texts.take(from_numpy(np.flatnonzero(codes.kept)))
        return cls(
            None if codes.kept is None else np.packbits(codes.kept).tobytes(),
            identities,
            np.bincount(person, minlength=len(identities)),
            _ascending(person, texts),
            texts[0].as_py() if len(texts) else "",
            texts[-1].as_py() if len(texts) else "",
            {name: levels for name, (_, levels) in codes.images.items()},
            codes.left_out,
            codes.usable,
        )


def _ascending(person: np.ndarray, paths: "pa.Array") -> bool:
    """Return True if identities ascend, and paths within each of them."""
    import pyarrow.compute as pc

    if len(person) < 2:
        return True
    step = np.diff(person)
    higher = sampling.to_numpy(pc.less(paths[:-1], paths[1:]))
    return bool((step >= 0).all() and (higher | (step > 0)).all())


class _Found:
    """What the row groups read so far add up to."""

    def __init__(self, levels: dict[str, set[Any]]) -> None:
        self.kept: list[bytes | None] = []
        self.identities: list[Identity] = []
        self.rows: list[int] = []
        self.levels = levels
        self.left_out: dict[str, int] = {}
        self.usable = 0
        self._last = ""

    def add(self, group: _Group) -> bool:
        """Add the next row group; False if its rows are not sorted after those before them."""
        self.kept.append(group.kept)
        self.usable += group.usable
        for reason, count in group.left_out.items():
            self.left_out[reason] = self.left_out.get(reason, 0) + count
        for name, levels in group.levels.items():
            self.levels[name].update(levels)
        if not len(group.rows):
            return True
        identities, rows = list(group.identities), group.rows.tolist()
        if not group.ascending or (self.identities and identities[0] < self.identities[-1]):
            return False
        if self.identities and identities[0] == self.identities[-1]:
            if group.first <= self._last:
                return False
            self.rows[-1] += rows.pop(0)
            identities.pop(0)
        self.identities += identities
        self.rows += rows
        self._last = group.last
        return True
