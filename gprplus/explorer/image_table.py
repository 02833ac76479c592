"""The images of a manifest in memory: codes of their levels, filters, counts and orders.

Columns are read once, when first used; levels are kept as codes of one to four bytes. Paths are read
a row group at a time, for the images on the screen alone.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from gprplus.core.arrow import combine_chunks
from gprplus.core.errors import BrowseError, did_you_mean
from gprplus.explorer.facets import Facet, count_levels, encode_facet
from gprplus.explorer.selection import ImageSelection
from gprplus.ingest.filters.filter_columns import DerivedColumns, FilterColumns
from gprplus.ingest.filters.parse import Filter
from gprplus.ingest.tables.derived_columns import EXCLUDED, derived_columns
from gprplus.ingest.tables.manifest import Manifest
from gprplus.ingest.tables.parquet_table import ParquetTable
from gprplus.schema.check_columns import CHECKS

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
FIRST = ("review", "dataset", "identity")
CELL = "cell"  # groups by all attributes that the datasets were rendered over, identity aside
_GROUPS_HELD = 8  # row groups whose paths are kept
_KEPT = 12  # orders and masks that are kept, the last used


@dataclass(frozen=True)
class ImageGroup:
    """Consecutive images of an order with equal levels."""

    levels: tuple[str | None, ...]
    count: int


@dataclass(frozen=True, eq=False)
class ImageOrder:
    """The rows of a selection `(n,) int64` in its order; one group of all if it is not grouped."""

    rows: np.ndarray
    groups: tuple[ImageGroup, ...]


class RecentValues:
    """The last results of some calls, by key. Threads may share it."""

    def __init__(self, size: int) -> None:
        self._size, self._held, self._lock = size, OrderedDict[Any, Any](), threading.Lock()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """Return the value of a key, made where there is none."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                found: T = self._held[key]
                return found
        made = make()
        with self._lock:
            self._held[key] = made
            while len(self._held) > self._size:
                self._held.popitem(last=False)
        return made


class BrowsedImages:
    """The images of one manifest, by row number of its images table."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.file = ParquetTable(manifest.path / "images.parquet")
        self.uids: np.ndarray = manifest.images(["uid"]).column("uid").to_numpy()
        self.subsets: dict[str, np.ndarray] = {}
        self._order = np.argsort(self.uids, kind="stable")
        self._edges = np.cumsum([0, *self.file.sizes])
        self._columns: dict[str, pa.Array] = {}
        self._reading = threading.RLock()
        self._masks, self._orders = RecentValues(_KEPT), RecentValues(_KEPT)
        self._groups, self._counts = RecentValues(_GROUPS_HELD), RecentValues(_KEPT)
        self._review = np.ones(len(self.uids), dtype=np.uint8)
        self._version = 0

    def __len__(self) -> int:
        return len(self.uids)

    @cached_property
    def known(self) -> list[str]:
        """The columns that a filter may name."""
        every = [*self.manifest.columns("images"), *self.manifest.identities.columns]
        return list(dict.fromkeys([*every, *self._derived]))

    @cached_property
    def _derived(self) -> DerivedColumns:
        return derived_columns(self.manifest.path)

    def rows_of(self, uids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the rows of some uids. Raises BrowseError for a uid that is not there."""
        wanted = np.asarray(uids, dtype=np.uint64)
        place = np.minimum(
            np.searchsorted(self.uids, wanted, sorter=self._order), max(len(self) - 1, 0)
        )
        rows: np.ndarray = self._order[place] if len(self) else place
        if not len(self) or not (self.uids[rows] == wanted).all():
            raise BrowseError("The manifest has no image with this uid. Load the page again.")
        return rows

    def column(self, name: str) -> "pa.Array":
        """Return a column of all images; those of identities are repeated for their images."""
        with self._reading:
            if name == EXCLUDED and name not in self.manifest.columns("images"):
                return self._derived[name]()  # changes while the page is open
            if name not in self._columns:
                self._columns[name] = self._read(name)
            return self._columns[name]

    def _read(self, name: str) -> "pa.Array":
        if name in self.manifest.columns("images"):
            return combine_chunks(self.manifest.images([name]).column(name))
        if name not in self.manifest.identities.columns:
            return self._derived[name]()
        return self._identities.column(name)

    @cached_property
    def _identities(self) -> FilterColumns:
        keys = self.manifest.images(["dataset", "identity"])
        return FilterColumns(keys, self.manifest.identities())

    @cached_property
    def facets(self) -> dict[str, Facet]:
        """The columns with levels that differ among the images, by name, in the order of the
        page."""
        own, source = self.manifest.own_attributes, self.manifest
        attributes = [
            name
            for name in [*source.image_attributes, *source.identity_attributes]
            if source.attributes[name].type != "number"
        ]
        flags = ["is_junk", "is_distractor", *(CHECKS[name][0] for name in source.check_names)]
        found = {"review": Facet("review", self._review, ("open", "accepted", "excluded"))}
        for name in ["dataset", "identity", *attributes, "role", "format", *flags]:
            repeated = name in source.identity_attributes
            facet = (
                self._repeated(name) if repeated else encode_facet(name, self._chunked(name), own)
            )
            # More than one value, and few enough to list.
            if np.count_nonzero(facet.counts(None)) > 1:
                found[name] = facet
        return found

    def _repeated(self, name: str) -> Facet:
        """Return an attribute of identities as a facet of their images."""
        people = self.manifest.identities([name]).column(name)
        found = encode_facet(name, people, self.manifest.own_attributes)
        codes = np.append(found.codes, found.codes.dtype.type(0))
        return Facet(name, codes[self._identity_rows], found.levels, found.codes)

    @cached_property
    def _identity_rows(self) -> np.ndarray:
        """Return the row of each image's identity, `(N,) int32`; one past the last for none."""
        rows = self._identities.identity_rows.fill_null(len(self.manifest.identities))
        return np.asarray(rows).astype(np.int32)

    def _chunked(self, name: str) -> "pa.ChunkedArray":
        import pyarrow as pa

        read = self._read(name)  # not kept: its codes are
        return pa.chunked_array([read])

    def set_review(self, accepted: np.ndarray, excluded: np.ndarray) -> None:
        """Set the images (uids) that were accepted and excluded; uids of other images are left
        out."""
        self._review[:] = 1
        for code, uids in ((2, accepted), (3, excluded)):
            self._review[np.isin(self.uids, uids)] = code
        self._version += 1

    def review_of(self, rows: np.ndarray) -> list[str]:
        """Return open, accepted or excluded for each row."""
        names = ("", "open", "accepted", "excluded")
        return [names[code] for code in self._review[rows].tolist()]

    def mask(self, where: str, subset: str = "") -> np.ndarray | None:
        """Return `(N,) bool`, the images of a filter and of a named subset; None for all. Raises
        FilterError."""
        kept = None
        if where:
            kept = self._masks.get((where, self._version), lambda: self._filtered(where))
        if subset:
            inside = self._masks.get(("subset", subset), lambda: self._in_subset(subset))
            kept = inside if kept is None else kept & inside
        return kept

    def _filtered(self, where: str) -> np.ndarray:
        return Filter(where).keep(self.column, self.known, self.manifest.own_attributes)

    def hold_subset(self, name: str, uids: np.ndarray) -> str:
        """Hold the images `uids` under a name, which `mask` then knows; return it. Where other
        images have the name, a quote is added."""
        uids = np.unique(uids)
        while name in self.subsets and not np.array_equal(self.subsets[name], uids):
            name += "'"
        self.subsets[name] = uids
        return name

    def _in_subset(self, name: str) -> np.ndarray:
        if name not in self.subsets:
            raise BrowseError("This set of images is no longer held. Select the images again.")
        return np.isin(self.uids, self.subsets[name])

    def counts(self, selection: ImageSelection) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
        """Return the images of a selection, `(N,) bool` or None for all, and the counts of each
        facet."""
        for name, _ in selection.picks:
            self.facet(name)
        key = (selection.where, selection.subset, selection.picks, self._version)
        return self._counts.get(
            key,
            lambda: count_levels(
                list(self.facets.values()),
                self.mask(selection.where, selection.subset),
                dict(selection.picks),
                self._identity_rows,
            ),
        )

    def order(self, selection: ImageSelection) -> ImageOrder:
        """Return the rows of a selection in its order."""
        return self._orders.get((selection, self._version), lambda: self._ordered(selection))

    def _ordered(self, selection: ImageSelection) -> ImageOrder:
        passed, _ = self.counts(selection)
        rows = np.arange(len(self)) if passed is None else np.flatnonzero(passed)
        if selection.sort:
            rows = rows[self._sorted(selection.sort, rows)]
        names = self.cell_attributes if selection.group == (CELL,) else selection.group
        if not names or not len(rows):
            return ImageOrder(rows, (ImageGroup((), len(rows)),))
        facets = [self.facet(name) for name in names]
        code = np.zeros(len(rows), dtype=np.int64)
        for facet in facets:
            code = code * (len(facet.levels) + 1) + facet.codes[rows]
        order = np.argsort(code, kind="stable")
        distinct, counts = np.unique(code, return_counts=True)
        groups = tuple(
            ImageGroup(_levels(facets, int(one)), int(count))
            for one, count in zip(distinct, counts, strict=True)
        )
        return ImageOrder(rows[order], groups)

    def _sorted(self, sort: str, rows: np.ndarray) -> np.ndarray:
        """Return the order of rows by a column of numbers, unknown values last."""
        name = sort.removeprefix("-")
        if name not in self.known:
            raise BrowseError(f"There is no column '{name}'. {did_you_mean(name, self.known)}")
        try:
            values = np.asarray(self.column(name).cast("float64").fill_null(np.nan))[rows]
        except Exception as error:
            raise BrowseError(f"{name} is no number, so images have no order by it.") from error
        return np.argsort(-values if sort.startswith("-") else values, kind="stable")

    @cached_property
    def cell_attributes(self) -> tuple[str, ...]:
        """The attributes that the datasets were rendered over, without identity; else all image
        attributes with levels."""
        datasets = self.manifest.datasets.values()
        factors = dict.fromkeys(factor for one in datasets for factor in one.factors)
        named = [name for name in factors if name in self.facets and name != "identity"]
        every = [name for name in self.manifest.image_attributes if name in self.facets]
        return tuple(named or every)

    def facet(self, name: str) -> Facet:
        """Return a facet by name. Raises BrowseError."""
        if name not in self.facets:
            raise BrowseError(f"There is no facet '{name}'. {did_you_mean(name, self.facets)}")
        return self.facets[name]

    def places(self, rows: np.ndarray) -> list[tuple[str, str]]:
        """Return dataset and path of some rows."""
        found = []
        for row in rows.tolist():
            table, at = self._group_of(row)
            found.append((table.column("dataset")[at].as_py(), table.column("path")[at].as_py()))
        return found

    def _group_of(self, row: int) -> "tuple[pa.Table, int]":
        """Return paths and datasets of the row group of a row, and the row's place in it."""
        group = int(np.searchsorted(self._edges, row, side="right")) - 1

        def read() -> "pa.Table":
            return self.file.read(group, ["dataset", "path"])

        return self._groups.get(group, read), row - int(self._edges[group])

    def record(self, row: int) -> dict[str, Any]:
        """Return all columns of an image, and those of its identity."""
        group = int(np.searchsorted(self._edges, row, side="right")) - 1
        names = self.manifest.columns("images")
        table = self.file.read(group, names).slice(row - int(self._edges[group]), 1)
        facts: dict[str, Any] = table.to_pylist()[0]
        for name in self.manifest.identities.columns:
            if name not in facts:
                facts[name] = self.column(name)[row].as_py()
        return facts


def _levels(facets: Sequence[Facet], code: int) -> tuple[str | None, ...]:
    """Return the levels of a joint code."""
    found: list[str | None] = []
    for facet in reversed(facets):
        code, one = divmod(code, len(facet.levels) + 1)
        found.append(facet.values[one])
    return tuple(reversed(found))
