"""Features from any trainer, brought into the order of a target's rows."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from gprplus.core.errors import ScoreError, first_few
from gprplus.core.files.paths import AnyPath
from gprplus.evaluation.feature_files import (
    FeatureNames,
    names_of_lines,
    read_npy_features,
    read_parquet_features,
    table_features,
)
from gprplus.evaluation.row_names import match_row_names
from gprplus.evaluation.targets import Target

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import torch

Features = Union[AnyPath, np.ndarray, "torch.Tensor", "pa.Table", "pd.DataFrame"]
_TABLE = "The table of features"
_BLOCK = 8192


def read_features(target: Target, features: Features, names: AnyPath | None = None) -> Any:
    """Read features `(N, D)` of the N rows of the target, in their order.

    A Parquet file or a table has a column `uid` or `path` that names the image of a row, and either
    a list column `feature` or one number column for each dimension, numbered as in f0, f1, f2. A
    `.npy` file is an array of `(rows, D)`; `names` is a text file with the uid or path of each, one
    in each line, by default the `.txt` of the same name next to it; without either, and in an array
    or tensor, the rows must be those of the target. A uid is decimal or 16 hexadecimal digits, a
    path as in the manifest or with parent folders. Rows of images that are neither query nor
    gallery are ignored. Raises ScoreError if a feature is missing or not finite, or the file has
    another format.
    """
    whose, advice = "the target's", "Embed its query and gallery rows"
    if not isinstance(features, str | os.PathLike):
        table = _table(features)
        return (
            _array(target.rows, features)
            if table is None
            else of_table(target.rows, table, whose, advice)
        )
    features = Path(features)
    sidecar = features.with_suffix(".txt")
    if names is None and features.suffix == ".npy" and sidecar.is_file():
        names = sidecar
    return read_for_rows(
        target.rows, features, None if names is None else Path(names), whose, advice
    )


def of_table(rows: "pa.Table", table: "pa.Table", whose: str, advice: str) -> np.ndarray:
    """Features of rows from a table in memory, its rows named by uid or path."""
    known, matrix = table_features(table, _TABLE)
    matrix = matrix[match_row_names(rows, known, _TABLE, whose, advice)]
    _require_finite(matrix, rows, _TABLE)
    result: np.ndarray = matrix
    return result


def _table(features: Any) -> "pa.Table | None":
    """A pandas DataFrame or an Arrow table as an Arrow table; None for anything else."""
    if hasattr(features, "column_names"):
        return features
    if not hasattr(features, "to_parquet"):
        return None
    import pyarrow as pa

    named = [name for name in features.index.names if name is not None]
    return pa.Table.from_pandas(
        features.reset_index(level=named) if named else features, preserve_index=False
    )


def _array(rows: "pa.Table", features: Any) -> Any:
    """An array or a tensor of one feature a row, as it is."""
    features = features if hasattr(features, "shape") else np.asarray(features)
    if len(features.shape) != 2 or len(features) != len(rows):
        raise ScoreError(
            f"An array of features must be ({len(rows):,} rows, dimensions), in the order of the"
            f" test rows; found the shape {tuple(features.shape)}. Or give a table with a column"
            " uid or path."
        )
    return features


def read_for_rows(
    rows: "pa.Table",
    features: Path,
    names: Path | None = None,
    whose: str = "the",
    advice: str = "Embed all images of source and target",
) -> np.ndarray:
    """Read features for any table with uid and path from a file.

    `whose` and `advice` only appear in the error message for missing rows.
    """
    if not features.is_file():
        raise ScoreError(
            f"There is no file of features at {features}. Name the .npy or .parquet file that holds"
            " them."
        )
    known: FeatureNames | None = None
    if features.suffix == ".npy":
        matrix = read_npy_features(features)
        known = names_of_lines(names) if names else None
    elif features.suffix == ".parquet":
        known, matrix = read_parquet_features(features)
    elif features.suffix == ".npz":
        raise ScoreError(
            f"{features} may hold several arrays: save the one of features with numpy.save as .npy."
        )
    else:
        raise ScoreError(
            f"{features} is neither .npy nor .parquet, the two forms of features that are read."
        )
    if known is None:
        if len(matrix) != len(rows):
            raise ScoreError(
                f"{features} has {len(matrix):,} rows and the target {len(rows):,}: name the image"
                " of each row with --ids."
            )
    else:
        if len(known.texts) != len(matrix):
            raise ScoreError(
                f"{names} names {len(known.texts):,} rows, {features} has {len(matrix):,}."
            )
        matrix = matrix[match_row_names(rows, known, features, whose, advice)]
    _require_finite(matrix, rows, features)
    return matrix


def _require_finite(matrix: np.ndarray, rows: "pa.Table", source: Path | str) -> None:
    """Raise ScoreError naming the images whose feature holds NaN or infinity."""
    broken: list[int] = []
    for start in range(0, len(matrix), _BLOCK):
        finite = np.isfinite(matrix[start : start + _BLOCK]).all(axis=1)
        broken += (start + np.flatnonzero(~finite)).tolist()
    if broken:
        shown = rows.column("path").take(broken).to_pylist()
        raise ScoreError(
            f"{source}: the features of {len(broken):,} images hold NaN, infinity or null"
            f" ({first_few(shown)}). Embed them again in float32."
        )
