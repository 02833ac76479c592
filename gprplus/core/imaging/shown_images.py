"""Images that pages and sheets show: one that cannot be read leaves an empty place."""

import time
import warnings
from pathlib import Path

import numpy as np

from gprplus.core.errors import StorageWarning
from gprplus.core.imaging.images import decode_image, read_bytes
from gprplus.core.storage.failures import StorageError

_ENOUGH = 3  # images one after another that storage did not deliver, after several requests each
_PAUSE_S = 60.0  # in which no others are requested
_failures: dict[str, tuple[int, float]] = {}  # root -> failures one after another, time of the last


def shown_image(root: Path, path: str) -> np.ndarray | None:
    """Return an image as `(H, W, 3) uint8`, None where it cannot be read or decoded.

    Object storage that does not deliver gives a warning, and few images are requested from it: a
    page shows hundreds, and each of them would cost all its retries.
    """
    place = str(root)
    count, last = _failures.get(place, (0, 0.0))
    if count >= _ENOUGH and time.monotonic() - last < _PAUSE_S:
        return None
    try:
        data = read_bytes(root, path)
    except StorageError as error:
        _failures[place] = (count + 1, time.monotonic())
        if not count:
            _warn(error)
        return None
    except OSError:
        return None
    _failures.pop(place, None)
    return decode_image(data)


def _warn(error: StorageError) -> None:
    warnings.warn(
        f"{error} Its place is left empty, and so may be others; run the command again (for a"
        " benchmark, `gprplus report`) to draw them.",
        StorageWarning,
        stacklevel=4,
    )
