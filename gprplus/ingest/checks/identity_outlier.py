"""Does an image look like the other images of its person?

What a picture looks like is mostly its circumstances: the weather, the hour, the viewpoint. They are taken off first,
by subtracting the average of all images in the same circumstances; what is left of the thumbnail is what is peculiar to
this image. A person's images have much of that in common (the clothes are darker than most, the bag hangs there); an
image that points the other way is under the wrong name, or shows something else.
"""

import numpy as np

from gprplus.ingest.checks.registry import CheckInput, check

_FEW = 4  # images: fewer make neither an average of circumstances nor a likeness of a person
_GRAIN = 2.0  # grey levels added to the deviation, so that black does not become noise when it is standardised


@check("identity-outlier", threshold=0.5, few=_FEW)
def identity_outlier(rows: CheckInput) -> np.ndarray:
    """(1 + r) / 2, r being the correlation of the image's own look with the summed looks of the rest of its person.

    The look is the 4 x 8 grey thumbnail, standardised to mean 0 and deviation 1, less the average over the same
    circumstances (over the dataset, where fewer than four images share them). Images of persons with fewer than four,
    and those of nobody, score 1. One pixel of the thumbnail at a time, so that two million images take 150 MB.
    """
    here = np.flatnonzero(rows.looks.decoded & (rows.person >= 0))
    scores = np.where(rows.looks.decoded, 1.0, np.nan)
    if not len(here):
        return scores
    person, images = _codes(rows.person[here])
    around, sharing = _codes(_circumstances(rows, here))
    thumbnail = rows.looks.thumbnail[here]
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
    """Values as codes 0.., and how often each stands."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return codes, counts


def _circumstances(rows: CheckInput, here: np.ndarray) -> np.ndarray:
    """The circumstance of each image, or its dataset (as a negative code) where too few images share it."""
    codes, counts = _codes(rows.circumstance[here])
    return np.where(counts[codes] >= _FEW, codes, -1 - rows.dataset[here])


def _tone(thumbnail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each `(N, P) uint8` thumbnail, `(N,) float32` each, without a float copy of all."""
    count = thumbnail.shape[1]
    mean = thumbnail.sum(1, dtype=np.float32) / count
    square = sum(column.astype(np.float32) ** 2 for column in thumbnail.T) / count
    return mean, np.sqrt(np.maximum(square - mean**2, 0)) + np.float32(_GRAIN)
