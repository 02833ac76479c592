"""Words of --where that are no columns of images.parquet, computed from other tables of a manifest
when a filter names them.

- `excluded`: reviewed and excluded (`gprplus browse`, excluded.parquet); false for all without it.
- `is_extra_copy`: has the bytes of an earlier image, in the order of the images table. `not
  is_extra_copy` keeps one copy of each group, where `not is_exact_duplicate` drops all of them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.arrow import combine_chunks
from gprplus.core.errors import ManifestError
from gprplus.ingest.filters.filter_columns import DerivedColumns
from gprplus.ingest.tables.parquet_table import AGAIN, ParquetTable
from gprplus.ingest.tables.review import read_review
from gprplus.schema.check_columns import EXTRA_COPY

if TYPE_CHECKING:
    import pyarrow as pa

EXCLUDED = "excluded"


def derived_columns(folder: Path, excluded: np.ndarray | None = None) -> DerivedColumns:
    """Return the derived columns of the images of the manifest in `folder`, each computed on call.

    `excluded` are the uids of excluded images, by default those of the manifest's own table.
    Without checks there is no `is_extra_copy`.
    """
    found = {EXCLUDED: lambda: _excluded(folder, excluded)}
    if (folder / "looks.parquet").is_file():
        found[EXTRA_COPY] = lambda: _extra_copies(folder)
    return found


def _excluded(folder: Path, excluded: np.ndarray | None) -> "pa.Array":
    import pyarrow as pa

    gone = read_review(folder).excluded_uids if excluded is None else excluded
    return pa.array(np.isin(_uids(folder / "images.parquet"), gone))


def _extra_copies(folder: Path) -> "pa.Array":
    """Return which images have bytes that occurred before; null for a file that was not read."""
    import pyarrow as pa

    path = folder / "looks.parquet"
    if not np.array_equal(_uids(path), _uids(folder / "images.parquet")):
        raise ManifestError(f"{path} does not have the rows of images.parquet. {AGAIN}")
    content = combine_chunks(ParquetTable(path).read_all(["content"]).column("content"))
    coded = content.cast(pa.binary()).dictionary_encode()
    # Codes count the distinct contents in the order of their first images.
    codes = np.asarray(coded.indices.fill_null(-1)).astype(np.int64)
    before = np.maximum.accumulate(np.append(-1, codes)[:-1])
    read = np.array([value is not None and any(value) for value in coded.dictionary.to_pylist()])
    unknown = ~np.append(read, False)[codes]
    return pa.array(codes <= before, mask=unknown)


def _uids(path: Path) -> np.ndarray:
    uids: np.ndarray = ParquetTable(path).read_all(["uid"]).column("uid").to_numpy()
    return uids
