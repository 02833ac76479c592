"""`holes`: the candidate cells that existing images lack."""

import numpy as np

from gprplus.ingest import Manifest
from gprplus.planning.cells import CandidateCells


def images_by_cell(manifest: Manifest, cells: CandidateCells) -> np.ndarray:
    """Count the images with an identity in each candidate cell, `(C,) int64`; a factor without a
    column is at its assumed level (`CandidateCells.assumed_level`)."""
    known = [name for name in cells.factors if name in manifest.columns("images")]
    table = manifest.images(["identity", *known])
    numbers = cells.numbers_of_rows(table)
    valid = np.asarray(table.column("identity").is_valid())
    return np.bincount(numbers[valid & (numbers >= 0)], minlength=len(cells))


def hole_weights(counts: np.ndarray, added: int) -> np.ndarray:
    """The weights `(C,)` of cells that, filled with `added` images, come nearest to equal counts:
    every cell is raised to one level, as water fills.

    >>> hole_weights(np.array([4, 1, 0]), 5).tolist()
    [0.0, 0.4, 0.6]
    """
    order = np.sort(counts)
    places = np.arange(1, len(counts) + 1)
    # The count that the k emptiest cells reach if only they are filled.
    levels = (added + np.cumsum(order)) / places
    following = np.append(order[1:], np.inf)
    level = levels[np.argmax(levels <= following)]
    lack: np.ndarray = np.maximum(level - counts, 0.0)
    return lack / lack.sum()
