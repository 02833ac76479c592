"""MATLAB files, read through SciPy."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.archives import read_file
from gprplus.core.errors import ManifestError

_TRIAL = """
import io, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
from scipy.io import loadmat
loadmat(io.BytesIO(sys.stdin.buffer.read()), simplify_cells=True)
"""
_SECONDS = 120


def read_matlab(path: Path) -> dict[str, Any]:
    """The variables of a `.mat` file: structs as dictionaries, vectors as arrays. Raises
    ManifestError."""
    from scipy.io import loadmat

    data = read_file(path)
    _try(path, data)
    try:
        variables = loadmat(BytesIO(data), simplify_cells=True)
    except Exception as error:  # SciPy raises whatever its parser runs into
        raise ManifestError(f"{path} cannot be read as a MATLAB file: {error}.") from error
    return {name: value for name, value in variables.items() if not name.startswith("__")}


def _try(path: Path, data: bytes) -> None:
    """Read the file in another process first: on some damaged files SciPy crashes (0.4 s)."""
    command = [sys.executable, "-P", "-W", "ignore", "-c", _TRIAL]
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ManifestError(
            f"{path} cannot be read as a MATLAB file within {_SECONDS} s."
        ) from None
    if not done.returncode:
        return
    last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if last.startswith("NotImplementedError"):
        raise ManifestError(
            f"{path} is a MATLAB file of version 7.3 (HDF5). Save it in MATLAB with `save(...,"
            " '-v7')`."
        )
    why = last if done.returncode > 0 else "the bytes are damaged"
    raise ManifestError(f"{path} cannot be read as a MATLAB file: {why.rstrip('.')}.")


def matlab_vector(path: Path, name: str, value: Any) -> np.ndarray:
    """A variable or field that must be a vector `(N,)`, a scalar being one of a single value.
    Raises ManifestError."""
    try:
        found = np.atleast_1d(value)
    except ValueError:  # vectors of several lengths in one cell array
        found = np.empty((0, 0))
    if found.ndim != 1:
        raise ManifestError(
            f"{path}: {name}: expected a vector, one value for each row, found {_shape(value)}."
        )
    return found


def _shape(value: Any) -> str:
    return (
        f"an array of {' x '.join(map(str, value.shape))}"
        if isinstance(value, np.ndarray)
        else "nested values"
    )
