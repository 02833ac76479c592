"""Features made by anybody's trainer, brought into the order of a target's rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.errors import ScoreError, examples
from gprplus.evaluation.targets import Target

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS = ("uid", "path")
_FEATURE = "feature"


def read(target: Target, features: Path, names: Path | None = None) -> np.ndarray:
    """Features `(N, D)` of the target's N rows, in their order, from a file.

    A Parquet file has a column `uid` or `path` that says whose feature a row is, and either a list column `feature` or
    one number column a dimension. A `.npy` file is an array of `(rows, D)`; `names` is a text file with the uid or path
    of each, one a line, by default the `.txt` of the same name beside it; without either the rows must be the target's
    own. Rows of images that the target does not search are ignored. Raises ScoreError when a feature is missing or the
    file is something else.
    """
    beside = features.with_suffix(".txt")
    if names is None and features.suffix == ".npy" and beside.is_file():
        names = beside
    return of_rows(target.rows, features, names, "the target's", "Embed its query and gallery rows")


def of_rows(
    rows: "pa.Table",
    features: Path,
    names: Path | None = None,
    whose: str = "the",
    advice: str = "Embed all images of both sides",
) -> np.ndarray:
    """The same of any rows with uid and path; `whose` rows they are and what to do are said when some are missing."""
    if not features.is_file():
        raise ScoreError(f"There is no file of features at {features}. Name the .npy or .parquet file that holds them.")
    if features.suffix == ".npy":
        known, matrix = _from_npy(features, names, len(rows))
    elif features.suffix == ".parquet":
        known, matrix = _from_parquet(features)
    else:
        raise ScoreError(f"{features} is neither .npy nor .parquet, the two forms of features that are read.")
    if known is None:
        return matrix
    return matrix[_places(rows, known, features, whose, advice)]


def _from_npy(path: Path, names: Path | None, rows: int) -> tuple[list[str] | None, np.ndarray]:
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise ScoreError(f"{path} cannot be read as an array of numbers: {error}.") from error
    if matrix.ndim != 2:
        raise ScoreError(f"{path} must be an array of (rows, dimensions), found the shape {matrix.shape}.")
    if names is None:
        if len(matrix) != rows:
            raise ScoreError(
                f"{path} has {len(matrix):,} rows and the target {rows:,}: say with --ids whose feature each row is."
            )
        return None, matrix
    try:
        known = names.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"{names} cannot be read as a list of uids or paths: {error}.") from error
    known = [line.strip() for line in known if line.strip()]
    if len(known) != len(matrix):
        raise ScoreError(f"{names} names {len(known):,} rows, {path} has {len(matrix):,}.")
    return known, matrix


def _from_parquet(path: Path) -> tuple[list[str], np.ndarray]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ScoreError(f"{path} cannot be read as a Parquet table: {error}.") from error
    key = next((name for name in _KEYS if name in table.column_names), None)
    if key is None:
        raise ScoreError(f"{path} has no column uid or path to tell whose feature a row is.")
    known = [str(value) for value in table.column(key).to_pylist()]
    if _FEATURE in table.column_names:
        return known, _from_lists(table.column(_FEATURE), path)
    numbers = [
        field.name
        for field in table.schema
        if pa.types.is_floating(field.type) and field.name not in (*_KEYS, _FEATURE)
    ]
    if not numbers:
        raise ScoreError(f"{path} has neither a list column 'feature' nor columns of floating-point numbers.")
    return known, np.stack([table.column(name).to_numpy() for name in numbers], axis=1)


def _from_lists(column: Any, path: Path) -> np.ndarray:
    column = column.combine_chunks()
    values = column.flatten().to_numpy(zero_copy_only=False)
    if column.null_count or not len(column) or len(values) % len(column):
        raise ScoreError(f"{path}: the lists in 'feature' must all have one length, and none may be null.")
    lengths = {len(row) for row in column.slice(0, 1000)}
    if lengths != {len(values) // len(column)}:
        raise ScoreError(f"{path}: the lists in 'feature' must all have one length, found {sorted(lengths)[:3]}.")
    return values.reshape(len(column), -1)


def _places(rows: "pa.Table", known: Sequence[str], source: Path, whose: str, advice: str) -> np.ndarray:
    """Where each of the rows stands among the features: by uid when the first name is one, else by path."""
    place = {name: i for i, name in enumerate(known)}
    if len(place) < len(known):
        raise ScoreError(f"{source} names {len(known) - len(place):,} rows twice.")
    by_uid = [str(uid) for uid in rows.column("uid").to_pylist()]
    wanted = by_uid if known and known[0].isdigit() else rows.column("path").to_pylist()
    absent = [name for name in wanted if name not in place]
    if absent:
        raise ScoreError(
            f"{source} lacks the features of {len(absent):,} of {whose} {len(wanted):,} images "
            f"({examples(absent)}). {advice}, and name each by uid or path."
        )
    return np.array([place[name] for name in wanted])
