"""MATLAB files, read through SciPy, which only they need."""

from io import BytesIO
from pathlib import Path
from typing import Any

from gprplus.archives import read as read_file
from gprplus.errors import ManifestError


def read(path: Path) -> dict[str, Any]:
    """The variables of a `.mat` file: structs as dictionaries, vectors as arrays. Raises ManifestError."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise ManifestError(
            f"{path} is a MATLAB file, which takes SciPy to read: pip install 'gprplus[analysis]'."
        ) from None
    try:
        variables = loadmat(BytesIO(read_file(path)), simplify_cells=True)
    except NotImplementedError:
        raise ManifestError(
            f"{path} is a MATLAB file of version 7.3 (HDF5). Save it in MATLAB with `save(..., '-v7')`."
        ) from None
    except Exception as error:  # SciPy meets damaged bytes with whatever its parser stumbles over
        raise ManifestError(f"{path} cannot be read as a MATLAB file: {error}.") from error
    return {name: value for name, value in variables.items() if not name.startswith("__")}
