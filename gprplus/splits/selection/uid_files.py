"""Files of uids that a request names."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.arrow import to_numpy
from gprplus.core.errors import SplitError, first_few
from gprplus.ingest.sidecars.columnar_tables import check_whole_numbers, read_columnar
from gprplus.ingest.sidecars.table_files import read_records

if TYPE_CHECKING:
    import pyarrow as pa


def read_uids(path: Path, what: str) -> np.ndarray:
    """Return the uids of a .parquet, .csv, .jsonl or .json table, `(n,) uint64`, ascending, each
    once.

    `what` names the file in messages. Raises SplitError if it has no column of uids, and
    ManifestError if it cannot be read as a table or holds uids that were rounded.
    """
    return np.unique(_uids(_table(path, what), path, what))


def read_dealt_uids(path: Path, what: str) -> tuple[np.ndarray, ...]:
    """Return the uids of each deal, as `read_uids`; of one deal where the table has no column deal.

    Raises SplitError where deals are not numbered from 0 without a gap.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _table(path, what)
    uids = _uids(table, path, what)
    if "deal" not in table.column_names:
        return (np.unique(uids),)
    texts = pc.utf8_trim_whitespace(table.column("deal").cast(pa.string()))
    found = set(texts.unique().to_pylist())
    strange = found - set(map(str, range(len(found))))
    if strange:
        raise SplitError(
            f"{what}: {path} has {first_few(sorted(map(str, strange)))} in its column deal, which"
            " numbers the deals 0, 1, 2 and so on without a gap."
        )
    deals = to_numpy(texts.cast(pa.int64()))
    return tuple(np.unique(uids[deals == deal]) for deal in range(max(len(found), 1)))


def _table(path: Path, what: str) -> "pa.Table":
    import pyarrow as pa

    if not path.is_file():
        raise SplitError(f"{what}: there is no file {path}.")
    if path.suffix.lower() == ".json":
        columns, rows = read_records(path)
        table = pa.table({name: [str(row.get(name)) for row in rows] for name in columns})
    else:
        table = read_columnar(path, plain=("uid",))
    if "uid" not in table.column_names:
        raise SplitError(
            f"{what}: {path} needs a column uid, as images.parquet of a manifest has; found"
            f" {', '.join(table.column_names) or 'no column'}."
        )
    check_whole_numbers(path, table, "uid")
    return table


def _uids(table: "pa.Table", path: Path, what: str) -> np.ndarray:
    """The column uid `(N,) uint64`, in the order of the table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        column = table.column("uid")
        if pa.types.is_string(column.type):
            column = pc.utf8_trim_whitespace(column)
        uids = column.cast(pa.uint64())
    except pa.ArrowException:
        uids = None
    if uids is None or uids.null_count:
        raise SplitError(f"{what}: {path} holds a uid that is no whole number.")
    return to_numpy(uids)
