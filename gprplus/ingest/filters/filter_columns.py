"""Columns of images and of identities, as required by a filter."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.arrow import combine_chunks
from gprplus.core.declarations import Attributes
from gprplus.ingest.filters.parse import Filter

if TYPE_CHECKING:
    import pyarrow as pa

IdentityKey = tuple[str | None, str | None]  # dataset and identity
DerivedColumns = Mapping[str, Callable[[], "pa.Array"]]


def filter_images(
    where: Filter,
    columns: Sequence[str],
    read: "Callable[[list[str]], pa.Table]",
    identities: "pa.Table",
    own: Attributes | None = None,
    derived: DerivedColumns | None = None,
    places: Mapping[IdentityKey, int] | None = None,
) -> np.ndarray:
    """Return `(N,) bool`: the images for which a filter is true.

    Args:
        where: The filter; it may name columns of images and of identities.
        columns: The columns that images have.
        read: Returns some of these columns.
        identities: The identities table.
        own: The attributes that the manifest declares itself.
        derived: Words that are computed; a column of the same name comes first.
        places: `identity_places(identities)`, where it is known already.
    """
    derived = derived or {}
    stored = {*columns, *identities.column_names}
    known = stored | set(derived)
    wanted, here = where.columns(known), set(columns)
    keys = {"dataset", "identity"} if wanted & stored - here else set()
    table = read(sorted(wanted & here | keys or {"uid"}))
    found = FilterColumns(table, identities, places)

    def column(name: str) -> "pa.Array":
        return found.column(name) if name in stored else derived[name]()

    return where.keep(column, known, own)


class FilterColumns:
    """Columns with one value an image: those of the images table, and those of its identities
    repeated."""

    def __init__(
        self,
        images: "pa.Table",
        identities: "pa.Table",
        places: Mapping[IdentityKey, int] | None = None,
    ) -> None:
        self._images, self._identities, self._places = images, identities, places

    def column(self, name: str) -> "pa.Array":
        """Return a column of the images; an attribute of identities is repeated for each of their
        images."""
        if name in self._images.column_names:
            return combine_chunks(self._images.column(name))
        return combine_chunks(self._identities.column(name)).take(self.identity_rows)

    @cached_property
    def identity_rows(self) -> "pa.Array":
        """Return for each image its row of the identities table; null if there is none."""
        import pyarrow as pa

        place = identity_places(self._identities) if self._places is None else self._places
        codes, pairs = _pairs(self._images)
        rows = np.array([place.get(pair, -1) for pair in pairs], dtype=np.int64)[codes]
        return pa.array(rows, mask=rows < 0)


def identity_places(identities: "pa.Table") -> dict[IdentityKey, int]:
    """Return the row of each (dataset, identity) in the identities table."""
    names = (identities.column(name).to_pylist() for name in ("dataset", "identity"))
    return {key: row for row, key in enumerate(zip(*names, strict=True))}


def _pairs(table: "pa.Table") -> tuple[np.ndarray, list[IdentityKey]]:
    """The distinct (dataset, identity) of a table, and the place of each row's in them, `(N,)
    int64`."""
    import pyarrow as pa

    columns = [combine_chunks(table.column(name)) for name in ("dataset", "identity")]
    columns = [
        one if pa.types.is_dictionary(one.type) else one.dictionary_encode() for one in columns
    ]
    dataset, identity = (
        np.asarray(one.indices.fill_null(len(one.dictionary))).astype(np.int64) for one in columns
    )
    names = [[*one.dictionary.to_pylist(), None] for one in columns]
    wide = len(names[1])
    distinct, codes = np.unique(dataset * wide + identity, return_inverse=True)
    return codes, [(names[0][pair // wide], names[1][pair % wide]) for pair in distinct.tolist()]
