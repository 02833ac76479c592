"""Features from any trainer, brought into the order of a target's rows."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.errors import ScoreError, examples
from gprplus.evaluation.feature_files import Names, from_npy, from_parquet, names_of_lines
from gprplus.evaluation.row_names import places
from gprplus.evaluation.targets import Target

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 8192


def read(target: Target, features: Path, names: Path | None = None) -> np.ndarray:
    """Features `(N, D)` of the target's N rows, in their order, from a file.

    A Parquet file has a column `uid` or `path` that names the image of a row, and either a list column `feature` or
    one number column a dimension, numbered as in f0, f1, f2. A `.npy` file is an array of `(rows, D)`; `names` is a
    text file with the uid or path of each, one a line, by default the `.txt` of the same name beside it; without either
    the rows must be the target's own. A uid is written in decimal or as 16 hexadecimal digits, a path as in the
    manifest or with folders before it. Rows of images that the target does not search are ignored. Raises ScoreError
    when a feature is missing or not finite, or the file is something else.
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
    known: Names | None = None
    if features.suffix == ".npy":
        matrix = from_npy(features)
        known = names_of_lines(names) if names else None
    elif features.suffix == ".parquet":
        known, matrix = from_parquet(features)
    elif features.suffix == ".npz":
        raise ScoreError(f"{features} may hold several arrays: save the one of features with numpy.save as .npy.")
    else:
        raise ScoreError(f"{features} is neither .npy nor .parquet, the two forms of features that are read.")
    if known is None:
        if len(matrix) != len(rows):
            raise ScoreError(
                f"{features} has {len(matrix):,} rows and the target {len(rows):,}: name the image of each row with "
                "--ids."
            )
    else:
        if len(known.texts) != len(matrix):
            raise ScoreError(f"{names} names {len(known.texts):,} rows, {features} has {len(matrix):,}.")
        matrix = matrix[places(rows, known, features, whose, advice)]
    _require_finite(matrix, rows, features)
    return matrix


def _require_finite(matrix: np.ndarray, rows: "pa.Table", source: Path) -> None:
    """Raise ScoreError naming the images whose feature holds NaN or infinity."""
    broken: list[int] = []
    for start in range(0, len(matrix), _BLOCK):
        finite = np.isfinite(matrix[start : start + _BLOCK]).all(axis=1)
        broken += (start + np.flatnonzero(~finite)).tolist()
    if broken:
        shown = rows.column("path").take(broken).to_pylist()
        raise ScoreError(
            f"{source}: the features of {len(broken):,} images hold NaN, infinity or null ({examples(shown)}). "
            "Embed them again in float32."
        )
