"""Files of uids that a request names."""

from pathlib import Path

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.ingest.sidecars.table_files import read_records


def read_uids(path: Path, what: str) -> np.ndarray:
    """Return the uids of a .parquet, .csv or .json table, `(n,) uint64`, ascending, each once.

    Raises SplitError, which begins with `what` names the file, if it has no column of uids.
    """
    if not path.is_file():
        raise SplitError(f"{what}: there is no file {path}.")
    columns, rows = read_records(path)
    if "uid" not in columns:
        raise SplitError(
            f"{what}: {path} needs a column uid, as images.parquet of a manifest has; found"
            f" {', '.join(columns) or 'no column'}."
        )
    try:
        uids = [int(str(row["uid"])) for row in rows]
        return np.unique(np.array(uids, dtype=np.uint64))
    except (ValueError, OverflowError) as error:
        raise SplitError(f"{what}: {path} holds a uid that is no whole number.") from error
