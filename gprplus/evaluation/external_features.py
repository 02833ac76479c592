"""Features from any trainer, brought into the order of a target's rows."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from gprplus.core.errors import ScoreError, first_few
from gprplus.core.files.paths import AnyPath
from gprplus.evaluation.array_files import read_array_file
from gprplus.evaluation.feature_files import (
    FeatureNames,
    names_of_lines,
    read_csv_features,
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


def _unnamed(path: Path) -> tuple[None, np.ndarray]:
    return None, read_npy_features(path)


# Suffix -> the names of the rows, None if the file has none, and the features `(rows, D)`.
FEATURE_FORMS: dict[str, Callable[[Path], tuple[FeatureNames | None, np.ndarray]]] = {
    ".npy": _unnamed,
    ".npz": read_array_file,
    ".parquet": read_parquet_features,
    ".pt": read_array_file,
    ".pth": read_array_file,
    ".safetensors": read_array_file,
    ".csv": read_csv_features,
    ".mat": read_array_file,
}


def read_features(target: Target, features: Features, names: AnyPath | None = None) -> Any:
    """Read features `(N, D)` of the N rows of the target, in their order.

    A file of one of FEATURE_FORMS, or a table: a column or array `uid` or `path` names the image of
    each row, and a list column `feature`, one number column for each dimension (f0, f1, f2), or an
    array of `(rows, D)` holds the features. Where a file names no rows, `names` is a text file with
    the uid or path of each, one in each line, by default the `.txt` of the same name next to it;
    without either, and in an array or tensor, the rows must be those of the target. A uid is
    decimal or 16 hexadecimal digits, a path as in the manifest or with parent folders. Rows of
    images that are neither query nor gallery are ignored. Raises ScoreError if a feature is missing
    or not finite, or the file has another format.
    """
    whose, advice = "the target's", "Embed its query and gallery rows"
    if not isinstance(features, str | os.PathLike):
        table = _table(features)
        return (
            _array(target.rows, features)
            if table is None
            else of_table(target.rows, table, whose, advice)
        )
    return read_for_rows(
        target.rows, Path(features), None if names is None else Path(names), whose, advice
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
    *,
    in_order: bool = True,
) -> np.ndarray:
    """Read features for any table with uid and path from a file of one of FEATURE_FORMS.

    Rows that neither the file, nor `names`, nor a `.txt` next to it names are those of the table if
    `in_order`. `whose` and `advice` only appear in the error message for missing rows.
    """
    known, matrix = _read_file(features)
    names = names or features.with_suffix(".txt")
    if known is None and names.is_file():
        known = names_of_lines(names)
    if known is None:
        if len(matrix) != len(rows) or not in_order:
            raise ScoreError(
                f"{features} has {len(matrix):,} rows without names, {whose} images are"
                f" {len(rows):,}: name the image of each row in {names}, one in each line."
            )
    else:
        if len(known.texts) != len(matrix):
            raise ScoreError(
                f"{known.where} names {len(known.texts):,} rows, {features} has {len(matrix):,}."
            )
        matrix = matrix[match_row_names(rows, known, features, whose, advice)]
    _require_finite(matrix, rows, features)
    return matrix


def _read_file(features: Path) -> tuple[FeatureNames | None, np.ndarray]:
    read = FEATURE_FORMS.get(features.suffix.lower())
    forms = ", ".join(FEATURE_FORMS)
    if read is None:
        raise ScoreError(f"{features} has none of the forms of features that are read: {forms}.")
    if not features.is_file():
        raise ScoreError(
            f"There is no file of features at {features}. Name the one that holds them ({forms})."
        )
    return read(features)


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
