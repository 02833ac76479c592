"""Images chosen by uid: a table, a sequence of uids, or a boolean value for each image."""

from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np

from gprplus.core.errors import FilterError, first_few
from gprplus.core.hashing import sha256_digest


@dataclass(frozen=True, eq=False)
class UidSelection:
    """Images by key: `uids (n,) uint64`, ascending, each once."""

    uids: np.ndarray

    @classmethod
    def of(cls, where: Any, uids: np.ndarray) -> "UidSelection":
        """Read a selection of the images with `uids (N,) uint64`, in the order of the images table.

        Args:
            where: A boolean pandas Series or array of N values; or a table with a column uid; or
                uids.

        Raises:
            FilterError: It is something else, has another number of values, or names a uid that is
                not there.
        """
        if hasattr(where, "column_names") or hasattr(where, "columns"):
            where = _uid_column(where)
        values = _values(where)
        if values.dtype == bool:
            return cls(np.sort(uids[_mask(where, values, len(uids))]))
        found = np.unique(_as_uids(values))
        absent = found[~np.isin(found, uids)]
        if len(absent):
            raise FilterError(
                f"{len(absent):,} of {len(found):,} uids in where are not in the manifest "
                f"({first_few(absent.tolist())}). Take uids from this manifest's images."
            )
        return cls(found)

    def keep(self, uids: np.ndarray) -> np.ndarray:
        """Return `(N,) bool`: which of `uids (N,) uint64` are chosen."""
        return np.isin(uids, self.uids)

    @property
    def text(self) -> str:
        """Return its name in messages."""
        return f"a table of {len(self.uids):,} uids"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the uids, as a split records them."""
        return sha256_digest(self.uids.astype("<u8").tobytes())


def _uid_column(table: Any) -> Any:
    names = list(getattr(table, "column_names", None) or table.columns)
    if "uid" not in names:
        raise FilterError(
            f"A table in where needs a column uid, found {first_few(names) or 'no column'}."
        )
    return table["uid"]


def _values(where: Any) -> np.ndarray:
    """The items of anything; a list of uids stays exact, where NumPy would make float64 of it."""
    if not hasattr(where, "__array__"):
        items = where if isinstance(where, list | tuple | set | range) else [where]
        values = np.empty(len(items), dtype=object)
        values[:] = list(items)
    else:
        values = np.asarray(where)
    if values.dtype == object and any(isinstance(value, bool | np.bool_) for value in values):
        return np.array([isinstance(value, bool | np.bool_) and bool(value) for value in values])
    return values


def _mask(where: Any, values: np.ndarray, count: int) -> np.ndarray:
    """The values in the order of the images: a Series goes by its index, which counts the
    images."""
    if len(values) != count:
        raise FilterError(
            f"A boolean where needs one value for each of the {count:,} images, found"
            f" {len(values):,}. Give the rows themselves instead, such as where=table[mask]."
        )
    labels = getattr(where, "index", None)
    if labels is None or callable(labels):
        return values
    order = np.asarray(labels)
    if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order), np.arange(count)):
        raise FilterError(
            "The index of a boolean where must count the images from 0. Call"
            " reset_index(drop=True)."
        )
    out = np.empty(count, dtype=bool)
    out[order] = values
    return out


def _as_uids(values: np.ndarray) -> np.ndarray:
    """Uids as uint64; negative int64 are the same 64 bits."""
    if values.ndim != 1 or (len(values) and values.dtype.kind not in "iuO"):
        raise FilterError(
            "where must be text, a boolean value for each image, a table with a column uid, or a"
            f" sequence of uids; found {values.dtype} of shape {values.shape}."
        )
    if values.dtype.kind in "iu":
        return values.astype(np.uint64)
    try:
        return np.array([index(value) % 2**64 for value in values.tolist()], dtype=np.uint64)
    except (TypeError, ValueError) as error:
        raise FilterError(
            "where takes text, uids, or a table with a column uid. A uid is no whole number:"
            f" {error}."
        ) from error
