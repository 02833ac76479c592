"""Files of uids that a request names."""

from pathlib import Path

import numpy as np

from gprplus.core.errors import SplitError, first_few
from gprplus.ingest.sidecars.table_files import Records, read_records


def read_uids(path: Path, what: str) -> np.ndarray:
    """Return the uids of a .parquet, .csv or .json table, `(n,) uint64`, ascending, each once.

    Raises SplitError, which begins with `what` names the file, if it has no column of uids.
    """
    return _uids(_rows(path, what), path, what)


def read_dealt_uids(path: Path, what: str) -> tuple[np.ndarray, ...]:
    """Return the uids of each deal, as `read_uids`; of one deal where the table has no column deal.

    Raises SplitError where deals are not numbered from 0 without a gap.
    """
    rows = _rows(path, what)
    if not rows or "deal" not in rows[0]:
        return (_uids(rows, path, what),)
    deals: dict[str, Records] = {}
    for row in rows:
        deals.setdefault(str(row["deal"]), []).append(row)
    strange = set(deals) - set(map(str, range(len(deals))))
    if strange:
        raise SplitError(
            f"{what}: {path} has {first_few(sorted(strange))} in its column deal, which numbers the"
            " deals 0, 1, 2 and so on without a gap."
        )
    return tuple(_uids(deals[str(number)], path, what) for number in range(len(deals)))


def _rows(path: Path, what: str) -> Records:
    if not path.is_file():
        raise SplitError(f"{what}: there is no file {path}.")
    columns, rows = read_records(path)
    if "uid" not in columns:
        raise SplitError(
            f"{what}: {path} needs a column uid, as images.parquet of a manifest has; found"
            f" {', '.join(columns) or 'no column'}."
        )
    return rows


def _uids(rows: Records, path: Path, what: str) -> np.ndarray:
    try:
        uids = [int(str(row["uid"])) for row in rows]
        return np.unique(np.array(uids, dtype=np.uint64))
    except (ValueError, OverflowError) as error:
        raise SplitError(f"{what}: {path} holds a uid that is no whole number.") from error
