"""Columns that no draw needs: paths, digests and columns of the audit, read by row group on demand.

The paths of twenty million rows are most of a gigabyte. As many of them as fit into ROOM are kept,
the others are read again on demand.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core import sampling
from gprplus.core.arrow import combine_chunks, from_numpy
from gprplus.ingest.tables.parquet_table import ParquetTable

if TYPE_CHECKING:
    import pyarrow as pa

ROOM = 128 << 20


class LazyColumns:
    """The rows of a pool: those of each row group in `kept` (n,) bool, or all if it is None.

    Paths are read in a thread from the start.
    """

    def __init__(
        self, source: ParquetTable, kept: Sequence[np.ndarray | None], person: np.ndarray
    ) -> None:
        sizes = [
            size if mask is None else int(mask.sum())
            for size, mask in zip(source.sizes, kept, strict=True)
        ]
        self.source, self.kept, self.identity = source, kept, person
        self.edges = np.cumsum([0, *sizes])
        self._recent: dict[int, pa.Array] = {}
        with_paths = ThreadPoolExecutor(1)
        self._reading: Future[tuple[dict[int, pa.Array], bool]] = with_paths.submit(
            self._read_paths
        )
        with_paths.shutdown(wait=False)

    def among(self, keep: np.ndarray, person: np.ndarray) -> "LazyColumns":
        """Return the rows of the pool where `keep` (N,) bool is true; `person` are their
        identities."""
        masks: list[np.ndarray | None] = []
        for group, mask in enumerate(self.kept):
            mine = keep[self.edges[group] : self.edges[group + 1]]
            if mask is not None:
                within = mask.copy()
                within[mask] = mine
                mine = within
            masks.append(mine)
        return LazyColumns(self.source, masks, person)

    def has(self, name: str) -> bool:
        """Return True if the manifest has values in this column."""
        return self.source.has(name)

    def column(self, name: str) -> "pa.Array":
        """A column of all rows, in one piece."""
        return _joined([self._group(name, group) for group in range(len(self.kept))])

    def take(self, name: str, rows: np.ndarray) -> "pa.Array":
        """A column of some rows `(n,)`, in the order given."""
        import pyarrow as pa

        if len(rows) > 1 and not (rows[1:] >= rows[:-1]).all():
            order = np.argsort(rows, kind="stable")
            back = np.empty(len(rows), dtype=np.int64)
            back[order] = np.arange(len(rows))
            return self.take(name, rows[order]).take(from_numpy(back, pa.int64()))
        cuts = np.searchsorted(rows, self.edges)
        pieces = [
            self._group(name, group).take(
                from_numpy(rows[cuts[group] : cuts[group + 1]] - self.edges[group], pa.int64())
            )
            for group in np.flatnonzero(np.diff(cuts)).tolist()
        ]
        return _joined(pieces) if pieces else self._group(name, 0).slice(0, 0)

    @property
    def ascending(self) -> bool:
        """Return True if the rows are sorted by dataset, identity, path, as those of a manifest
        are."""
        return self._reading.result()[1]

    def _read_paths(self) -> "tuple[dict[int, pa.Array], bool]":
        """Return the paths of the first row groups, and whether all paths are ascending within each
        identity."""
        held: dict[int, pa.Array] = {}
        room, ascends, last = ROOM, bool((np.diff(self.identity) >= 0).all()), ""
        for group in range(len(self.kept)):
            if not ascends and room < 0:
                break
            paths = self._read("path", group)
            if len(paths) and ascends:
                ascends, last = self._ascend(paths, int(self.edges[group]), last), paths[-1].as_py()
            room -= paths.nbytes
            if room >= 0:
                held[group] = paths
        return held, ascends

    def _ascend(self, paths: "pa.Array", start: int, last: str) -> bool:
        import pyarrow.compute as pc

        person = self.identity[start : start + len(paths)]
        if start and self.identity[start - 1] == person[0] and paths[0].as_py() <= last:
            return False
        higher = sampling.to_numpy(pc.less(paths[:-1], paths[1:]))
        return bool((higher | (person[1:] > person[:-1])).all())

    def _group(self, name: str, group: int) -> "pa.Array":
        if name != "path":
            return self._read(name, group)
        held = self._reading.result()[0]
        if group in held:
            return held[group]
        recent = self._recent.get(group)
        if recent is None:
            self._recent.clear()
            recent = self._recent[group] = self._read(name, group)
        return recent

    def _read(self, name: str, group: int) -> "pa.Array":
        import pyarrow as pa

        array = combine_chunks(self.source.read(group, [name]).column(name))
        mask = self.kept[group]
        return array if mask is None else array.take(from_numpy(np.flatnonzero(mask), pa.int64()))


def _joined(pieces: "list[pa.Array]") -> "pa.Array":
    import pyarrow as pa

    return pieces[0] if len(pieces) == 1 else combine_chunks(pa.chunked_array(pieces))
