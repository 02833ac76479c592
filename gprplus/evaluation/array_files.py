"""Files of several named arrays: `.npz`, `.pt`, `.safetensors` and `.mat`, of which one array holds
the features and another, or a list of text, the names of their rows. No pickle is loaded."""

import tokenize
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.errors import GprplusError, ScoreError, first_few
from gprplus.evaluation.feature_files import (
    DAMAGED,
    FeatureNames,
    as_float_array,
    first_line_of,
)

FEATURES = ("feature", "features", "feat", "feats", "embedding", "embeddings")
NAMES = ("uid", "uids", "path", "paths", "names")


def read_array_file(path: Path) -> tuple[FeatureNames | None, np.ndarray]:
    """The names of the rows, None if the file has none, and the features `(rows, D)`.

    The features are the array called by one of FEATURES, else the only table of numbers. Raises
    ScoreError.
    """
    arrays = _READERS[path.suffix.lower()](path)
    key = _feature_key(arrays, path)
    matrix = _array(arrays[key], key, path)
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise ScoreError(
            f"{path}: '{key}' must be an array of (rows, dimensions), found the shape"
            f" {matrix.shape}."
        )
    matrix = as_float_array(matrix, f"{path}: '{key}' is an array of {matrix.dtype}")
    name = next((name for name in NAMES if name in arrays), None)
    return (None if name is None else _row_names(arrays[name], name, path)), matrix


def _feature_key(arrays: Mapping[str, Any], path: Path) -> str:
    known = [key for key in FEATURES if key in arrays]
    tables = [key for key, value in arrays.items() if _shape(value)[1:] and key not in NAMES]
    found = known[:1] or tables
    if len(found) != 1:
        shown = [f"{key} {_shape(value)}" for key, value in arrays.items()]
        raise ScoreError(
            f"{path} has {len(found)} arrays that could be the features (it holds"
            f" {first_few(shown) or 'nothing'}). Save them as one array called 'features', and the"
            " uids or paths of its rows as 'uids' or 'paths'."
        )
    return found[0]


def _shape(value: Any) -> tuple[int, ...]:
    shape = getattr(value, "shape", None)
    return (
        (len(value),) if shape is None and isinstance(value, list | tuple) else tuple(shape or ())
    )


def _row_names(value: Any, key: str, path: Path) -> FeatureNames:
    """Names as text from an array of integers or text, or from a list of text."""
    found = _array(value, key, path).reshape(-1)
    where = f"'{key}', {found.dtype}"
    if found.dtype.kind in "iu" and key.startswith("uid"):
        return FeatureNames([str(int(uid) % 2**64) for uid in found], where)
    texts = found.tolist()
    if found.dtype.kind in "UO" and all(isinstance(text, str) for text in texts):
        return FeatureNames([text.rstrip() for text in texts], where)
    raise ScoreError(
        f"{path}: '{key}' is an array of {found.dtype}, expected text"
        f"{' or whole numbers' if key.startswith('uid') else ''}."
    )


def _array(value: Any, key: str, path: Path) -> np.ndarray:
    """A tensor, an array or a list of text as an array."""
    import torch

    if not isinstance(value, torch.Tensor):
        found = np.asarray(value)
        return found if found.dtype.kind != "U" else found.astype(object)
    if value.layout != torch.strided or value.is_quantized or value.is_meta:
        raise ScoreError(f"{path}: '{key}' is a sparse or quantized tensor. Save a dense one.")
    value = value.detach().cpu()
    result: np.ndarray = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    return result


def _npz(path: Path) -> Mapping[str, Any]:
    """The arrays of a `.npz` file that may be features or names."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ScoreError(f"{path} is no archive of arrays: save it with numpy.savez.")
            return {key: file[key] for key in file.files}
    except (*DAMAGED, tokenize.TokenError, zipfile.BadZipFile) as error:
        if isinstance(error, ScoreError):
            raise
        raise ScoreError(
            f"{path} cannot be read as arrays of numbers or text: {first_line_of(error)}."
        ) from error


def _tensors(path: Path) -> Mapping[str, Any]:
    """A tensor, or a dictionary of tensors and lists, of a file of torch.save; never code."""
    from gprplus.baseline.network.pretrained import load_without_code

    found = _as_score_error(load_without_code, path)
    return found if isinstance(found, Mapping) else {FEATURES[0]: found}


def _safetensors(path: Path) -> Mapping[str, Any]:
    from gprplus.baseline.network.pretrained import load_safetensors

    found: Mapping[str, Any] = _as_score_error(load_safetensors, path)
    return found


def _matlab(path: Path) -> Mapping[str, Any]:
    from gprplus.ingest.sidecars.matlab import read_matlab

    found: Mapping[str, Any] = _as_score_error(read_matlab, path)
    return found


def _as_score_error(read: Callable[[Path], Any], path: Path) -> Any:
    try:
        return read(path)
    except GprplusError as error:
        raise ScoreError(str(error)) from error


_READERS: dict[str, Callable[[Path], Mapping[str, Any]]] = {
    ".npz": _npz,
    ".pt": _tensors,
    ".pth": _tensors,
    ".safetensors": _safetensors,
    ".mat": _matlab,
}
