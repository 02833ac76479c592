"""Checks of the image dimensions, which are read from the header: no file is opened."""

import numpy as np

from gprplus.ingest.checks.registry import CheckInput, check

_REACH = 3.0  # interquartile ranges beyond the quartiles: cleanvision's iqr_factor


@check("odd-size", threshold=0.5, looks=False, interquartile_ranges=_REACH)
def odd_size(rows: CheckInput) -> np.ndarray:
    """Return the closeness of the geometric mean of both sides to the median of its dataset.

    The fence is three interquartile ranges beyond the quartiles and scores 0.5; the middle between
    the fences scores 1. If the quartiles are equal, every other size is odd. Datasets are scored
    separately, because cameras differ.
    """
    scores = np.full(len(rows), np.nan)
    for dataset in np.unique(rows.dataset):
        here = np.flatnonzero((rows.dataset == dataset) & np.isfinite(rows.width * rows.height))
        if len(here):
            scores[here] = _from_the_middle(np.sqrt(rows.width[here]) * np.sqrt(rows.height[here]))
    return scores


def _from_the_middle(sizes: np.ndarray) -> np.ndarray:
    low, high = np.percentile(sizes, [25, 75])
    middle, gap = (low + high) / 2, (high - low) * (1 + 2 * _REACH)
    distance = np.abs(sizes - middle)
    if gap:
        return 1 - np.minimum(distance / gap, 1)
    return np.where(
        distance > 1e-9 * middle, 0.5 * (1 - np.minimum(distance / middle, 1)) - 1e-6, 1
    ).clip(0)


@check("odd-aspect", threshold=0.35, looks=False)
def odd_aspect(rows: CheckInput) -> np.ndarray:
    """The shorter side over the longer."""
    return np.minimum(rows.width / rows.height, rows.height / rows.width)
