"""Similarity of an image to the other images of its identity.

The appearance of an image depends mainly on its conditions: the weather, the hour, the viewpoint.
Their effect is removed first, by subtracting the average of all images under the same conditions;
the rest of the thumbnail is specific to this image. Images of one identity have much of that in
common (dark clothes, the position of a bag); an image with a negative correlation has the wrong
label, or shows something else.
"""

import numpy as np

from gprplus.ingest.checks.registry import CheckInput, check

_FEW = 4  # images: fewer give neither an average of conditions nor a similarity within an identity
_GRAIN = 2.0  # grey levels added to the deviation, so that black does not become noise when it is standardised


@check("identity-outlier", threshold=0.5, few=_FEW)
def identity_outlier(rows: CheckInput) -> np.ndarray:
    """Return (1 + r) / 2, with r the correlation of the image's residual with the summed residuals
    of its identity.

    The residual is the 4 x 8 gray thumbnail, standardized to mean 0 and deviation 1, minus the
    average over the same conditions (over the dataset, if fewer than four images share them).
    Images of identities with fewer than four, and those without identity, score 1. Processed one
    pixel at a time, so that two million images take 150 MB.
    """
    here = np.flatnonzero(rows.measurements.decoded & (rows.identity >= 0))
    scores = np.where(rows.measurements.decoded, 1.0, np.nan)
    if not len(here):
        return scores
    person, images = _codes(rows.identity[here])
    around, sharing = _codes(_circumstances(rows, here))
    thumbnail = rows.measurements.thumbnail[here]
    mean, deviation = _tone(thumbnail)
    product, own, rest = np.zeros(len(here)), np.zeros(len(here)), np.zeros(len(here))
    for pixel in thumbnail.T:
        look = (pixel - mean) / deviation
        look -= (np.bincount(around, look) / sharing)[around]
        others = np.bincount(person, look)[person] - look
        product += look * others
        own += look * look
        rest += others * others
    known = (images[person] >= _FEW) & (own * rest > 1e-12)
    likeness = np.divide(product, np.sqrt(own * rest), out=np.ones(len(here)), where=known)
    scores[here] = (1 + np.clip(likeness, -1, 1)) / 2
    return scores


def _codes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values as codes 0.., and the count of each."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return codes, counts


def _circumstances(rows: CheckInput, here: np.ndarray) -> np.ndarray:
    """The circumstance of each image, or its dataset (as a negative code) where too few images
    share it."""
    codes, counts = _codes(rows.circumstance[here])
    return np.where(counts[codes] >= _FEW, codes, -1 - rows.dataset[here])


def _tone(thumbnail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each `(N, P) uint8` thumbnail, `(N,) float32` each, without a float
    copy of all."""
    count = thumbnail.shape[1]
    mean = thumbnail.sum(1, dtype=np.float32) / count
    square = sum(column.astype(np.float32) ** 2 for column in thumbnail.T) / count
    return mean, np.sqrt(np.maximum(square - mean**2, 0)) + np.float32(_GRAIN)
