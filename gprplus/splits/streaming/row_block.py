"""Blocks of whole identities, read from the row groups that hold them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gprplus.core.arrow import combine_chunks, from_numpy
from gprplus.core.declarations import Attributes
from gprplus.ingest.tables.parquet_table import ParquetTable
from gprplus.schema.records import Protocol
from gprplus.splits.candidates import UNKNOWN, AttributeCodes, CandidateTable
from gprplus.splits.load import FLAGS, GroupCodes
from gprplus.splits.streaming.survey import Identity, Survey

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.splits.lazy_columns import LazyColumns

BLOCK_ROWS = 1 << 20  # usable rows of a block, more where a single identity has more


@dataclass(frozen=True)
class RowBlock:
    """Some identities of a manifest, `first` to `first + len(identities)` of all of them.

    It is read in a worker process: it holds what the survey found of these identities only.
    """

    source: ParquetTable
    groups: tuple[int, ...]
    kept: tuple[bytes | None, ...]
    first: int
    identities: tuple[Identity, ...]
    levels: Mapping[str, tuple[Any, ...]]
    traits: Mapping[str, AttributeCodes]
    own: Attributes
    protocol: Protocol | None

    def load(self) -> tuple[CandidateTable, np.ndarray]:
        """Return the candidates of the block, and the positions of their rows in the images table,
        `(n,) int64`, sorted."""
        place = {identity: code for code, identity in enumerate(self.identities)}
        starts = np.cumsum([0, *self.source.sizes])
        parts = [
            _Part.of(self, group, bits, place, int(starts[group]))
            for group, bits in zip(self.groups, self.kept, strict=True)
        ]
        places = np.concatenate([part.places for part in parts])
        images = {
            name: AttributeCodes(name, np.concatenate([part.images[name] for part in parts]), found)
            for name, found in self.levels.items()
        }
        pool = CandidateTable(
            uid=np.concatenate([part.uid for part in parts]),
            identity=np.concatenate([part.identity for part in parts]),
            identities=self.identities,
            images=images,
            identity_attributes=self.traits,
            texts=cast("LazyColumns", BlockColumns(self.source, places)),
            left_out={},
            own=self.own,
            protocol=self.protocol,
        )
        return pool, places


@dataclass(frozen=True)
class _Part:
    """The rows of a block in one row group."""

    uid: np.ndarray
    identity: np.ndarray
    images: Mapping[str, np.ndarray]
    places: np.ndarray

    @classmethod
    def of(
        cls,
        block: RowBlock,
        group: int,
        bits: bytes | None,
        place: Mapping[Identity, int],
        start: int,
    ) -> "_Part":
        names = ["uid", "dataset", "identity", *block.levels, *FLAGS]
        table = block.source.read(group, names)
        passed = kept_rows(bits, table.num_rows)
        codes = GroupCodes.of(table, passed, list(block.levels), block.own)
        person, identities = codes.identity
        known = np.array([place.get(one, UNKNOWN) for one in identities], dtype=np.int32)
        mine = known[person]
        here = mine != UNKNOWN
        rows = np.arange(table.num_rows) if codes.kept is None else np.flatnonzero(codes.kept)
        return cls(
            codes.uid[here],
            mine[here],
            {
                name: recode(*codes.images[name], levels)[here]
                for name, levels in block.levels.items()
            },
            rows[here] + start,
        )


def recode(codes: np.ndarray, found: Sequence[Any], levels: Sequence[Any]) -> np.ndarray:
    """Codes into the levels `found` as codes into all `levels`, as small as these allow."""
    kind = np.int8 if len(levels) <= 100 else np.int16 if len(levels) <= 30_000 else np.int32
    if tuple(found) == tuple(levels):
        return codes.astype(kind, copy=False)
    place = {level: code for code, level in enumerate(levels)}
    renumber = np.array([*(place[level] for level in found), UNKNOWN], dtype=kind)
    return renumber[codes]


def kept_rows(bits: bytes | None, count: int) -> np.ndarray | None:
    """`(count,) bool` of packed bits; None for all rows."""
    if bits is None:
        return None
    return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=count).astype(bool)


@dataclass(frozen=True)
class BlockColumns:
    """Columns of a block that no draw needs, read for the rows that are wanted; `places` are the
    positions of its rows in the images table."""

    source: ParquetTable
    places: np.ndarray

    @property
    def ascending(self) -> bool:
        """Return True: only manifests whose rows are sorted are read in blocks."""
        return True

    def has(self, name: str) -> bool:
        """Return True if the manifest has values in this column."""
        return self.source.has(name)

    def take(self, name: str, rows: np.ndarray) -> "pa.Array":
        """A column of some rows `(n,)`, in the order given."""
        import pyarrow as pa

        order = np.argsort(self.places[rows], kind="stable")
        wanted = self.places[rows][order]
        starts = np.cumsum([0, *self.source.sizes])
        cuts = np.searchsorted(wanted, starts)
        pieces = []
        for group in np.flatnonzero(np.diff(cuts)).tolist():
            inside = from_numpy(wanted[cuts[group] : cuts[group + 1]] - starts[group], pa.int64())
            pieces.append(combine_chunks(self.source.read(group, [name]).column(name)).take(inside))
        if not pieces:
            return pa.nulls(0, self.source.read(0, [name]).column(name).type)
        back = np.empty(len(rows), dtype=np.int64)
        back[order] = np.arange(len(rows))
        return combine_chunks(pa.chunked_array(pieces)).take(from_numpy(back, pa.int64()))


def identity_blocks(survey: Survey, size: int) -> Iterator[RowBlock]:
    """Yield the identities of a survey in blocks of about `size` usable rows."""
    ends = np.cumsum(survey.rows)
    group_ends = np.cumsum(group_sizes(survey))
    first = 0
    while first < len(survey.identities):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + size, side="right")))
        low = int(np.searchsorted(group_ends, before, side="right"))
        high = int(np.searchsorted(group_ends, int(ends[last - 1]) - 1, side="right"))
        yield block_of(survey, range(low, high + 1), np.arange(first, last))
        first = last


def block_of(survey: Survey, groups: Sequence[int], chosen: np.ndarray) -> RowBlock:
    """The block of the identities `chosen` (n,), which are in the row groups."""
    return RowBlock(
        survey.source,
        tuple(groups),
        tuple(survey.kept[group] for group in groups),
        int(chosen[0]),
        tuple(survey.identities[code] for code in chosen.tolist()),
        survey.levels,
        {name: codes.at(chosen) for name, codes in survey.traits.items()},
        survey.own,
        survey.protocol,
    )


def chosen_block(survey: Survey, chosen: np.ndarray) -> RowBlock:
    """The block of any identities `chosen` (n,), sorted; it reads the row groups that hold them."""
    ends = np.cumsum(survey.rows)
    group_ends = np.cumsum(group_sizes(survey))
    low = np.searchsorted(group_ends, ends[chosen] - survey.rows[chosen], side="right")
    high = np.searchsorted(group_ends, ends[chosen] - 1, side="right")
    groups = {
        group for one, other in zip(low, high, strict=True) for group in range(one, other + 1)
    }
    return block_of(survey, sorted(groups), chosen)


def group_sizes(survey: Survey) -> list[int]:
    """Usable rows of each row group."""
    return [
        size if bits is None else _ones(bits)
        for size, bits in zip(survey.source.sizes, survey.kept, strict=True)
    ]


def _ones(bits: bytes) -> int:
    """Return how many bits are set."""
    return int.from_bytes(bits, "big").bit_count()
