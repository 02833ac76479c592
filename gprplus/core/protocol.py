"""Evaluation protocols: the excluded gallery rows of a query. Splits and scores share this
definition.

The usual rule of Market-1501, DukeMTMC-reID, MSMT17 and CUHK03-NP: single query, full gallery.
Gallery rows with the identity and camera of the query are excluded, junk is excluded for every
query, every other row remains. The remaining rows with the identity of the query are its true
matches. An unknown camera equals no other camera, so it excludes nothing.

Identities and cameras are integer codes here; -1 is the code of an unknown camera.
"""

import numpy as np

from gprplus.core.shared_options import ALSO_CALLED, PROTOCOLS

__all__ = [
    "ALSO_CALLED",
    "PROTOCOLS",
    "UNANSWERABLE_REASONS",
    "UNKNOWN_CAMERA",
    "count_matches",
    "excluded_mask",
    "why_unanswerable",
]
UNKNOWN_CAMERA = -1


def excluded_mask(
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cams: np.ndarray | None = None,
    gallery_cams: np.ndarray | None = None,
    gallery_junk: np.ndarray | None = None,
) -> np.ndarray:
    """`(Q, G) bool`: the gallery rows that leave each query's ranking.

    >>> excluded_mask(np.array([1]), np.array([1, 1, 2]), np.array([0]), np.array([0, 1, 0])).tolist()
    [[True, False, False]]
    """
    out = np.zeros((len(query_ids), len(gallery_ids)), dtype=bool)
    if query_cams is not None and gallery_cams is not None:
        same_camera = (query_cams[:, None] == gallery_cams[None, :]) & (
            query_cams[:, None] != UNKNOWN_CAMERA
        )
        out |= same_camera & (query_ids[:, None] == gallery_ids[None, :])
    if gallery_junk is not None:
        out |= gallery_junk[None, :]
    return out


def count_matches(
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cams: np.ndarray | None = None,
    gallery_cams: np.ndarray | None = None,
    gallery_junk: np.ndarray | None = None,
) -> np.ndarray:
    """Count the true matches of each query, `(Q,) int64`, without a Q x G matrix. 0 means that the
    query is not valid.

    >>> count_matches(np.array([1, 2]), np.array([1, 1, 2]), np.array([0, 0]), np.array([0, 1, 0])).tolist()
    [1, 0]
    """
    kept = slice(None) if gallery_junk is None else ~np.asarray(gallery_junk, dtype=bool)
    ids = np.asarray(gallery_ids)[kept]
    counts = _counts(np.asarray(query_ids), ids)
    if query_cams is None or gallery_cams is None:
        return counts
    cams = np.asarray(gallery_cams)[kept].astype(np.int64)
    query_cams = np.asarray(query_cams).astype(np.int64)
    low = min(cams.min(initial=UNKNOWN_CAMERA), query_cams.min(initial=UNKNOWN_CAMERA))
    width = max(cams.max(initial=0), query_cams.max(initial=0)) - low + 1
    both = _counts(
        np.asarray(query_ids).astype(np.int64) * width + (query_cams - low),
        ids.astype(np.int64) * width + (cams - low),
    )
    return counts - np.where(query_cams == UNKNOWN_CAMERA, 0, both)


# Why no gallery row answers a query, in the order of `why_unanswerable`; 0 is a query that is
# answered.
UNANSWERABLE_REASONS = (
    "",
    "the gallery has no other image of the identity",
    "all images of the identity in the gallery are junk",
    "all images of the identity in the gallery are from the camera of the query",
)


def why_unanswerable(
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cams: np.ndarray | None = None,
    gallery_cams: np.ndarray | None = None,
    gallery_junk: np.ndarray | None = None,
) -> np.ndarray:
    """Return for each query the index of its reason in UNANSWERABLE_REASONS, `(Q,) int8`; 0 if it
    has a true match.

    >>> why_unanswerable(np.array([1, 2, 3]), np.array([1, 1, 2]), np.array([0, 0, 0]), np.array([0, 1, 0])).tolist()
    [0, 3, 1]
    """
    found = count_matches(query_ids, gallery_ids, query_cams, gallery_cams, gallery_junk)
    reason = np.where(found > 0, 0, 3).astype(np.int8)
    for place, junk in ((2, gallery_junk), (1, None)):
        reason[(reason > 0) & (count_matches(query_ids, gallery_ids, gallery_junk=junk) == 0)] = (
            place
        )
    return reason


def _counts(wanted: np.ndarray, present: np.ndarray) -> np.ndarray:
    if not len(present) or not len(wanted):
        return np.zeros(len(wanted), dtype=np.int64)
    low, high = int(present.min()), int(present.max())
    if (
        present.dtype.kind in "iu" and high - low <= 8 * len(present) + 65_536
    ):  # a table beats sorting while it is small
        there = (wanted >= low) & (wanted <= high)
        return np.where(
            there, np.bincount(present - low)[np.where(there, wanted - low, 0)], 0
        ).astype(np.int64)
    values, counts = np.unique(present, return_counts=True)
    place = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[place] == wanted, counts[place], 0).astype(np.int64)
