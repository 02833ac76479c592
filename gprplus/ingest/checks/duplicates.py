"""Checks for copies and look-alikes, over all datasets of the manifest, from kept hashes."""

import numpy as np

from gprplus.ingest.checks.hamming import nearest_hashes
from gprplus.ingest.checks.registry import CheckInput, check

# Bits of 64. Of renders saved again at JPEG quality 50 six in seven stay within 4 bits, three in
# five within 2; but of two identities in one scene one in seven is within 4 bits of the other, one
# in a hundred within 2.
RADIUS, RADIUS_OF_OTHERS = 4, 2
# Grey that varies less than this (0-1) leaves dHash nothing to go by: black, white and fog all hash
# to nearly nought.
_FLAT = 0.03


@check("exact-duplicate", threshold=1.0)
def exact_duplicate(rows: CheckInput) -> np.ndarray:
    """Return one over the number of files with these bytes; unknown for a file that cannot be
    read."""
    content, copies = _contents(rows)
    return np.where(content >= 0, 1 / copies[content], np.nan)


@check("near-duplicate", threshold=1.0, radius=RADIUS)
def near_duplicate(rows: CheckInput) -> np.ndarray:
    """Return the bits to the nearest dHash of another image, over radius + 1: 0 for an equal hash,
    1 outside the radius.

    An image without contrast resembles every other one without contrast, so it scores 1.
    """
    return _nearest_scores(rows, RADIUS)


@check("cross-identity", threshold=1.0, radius=RADIUS_OF_OTHERS)
def cross_identity(rows: CheckInput) -> np.ndarray:
    """Return the near-duplicate score among images of other identities; 0 for a byte-for-byte copy
    of one.

    Dark renders of two identities do collide: read it together with `dark`.
    """
    scores = _nearest_scores(rows, RADIUS_OF_OTHERS, rows.identity)
    content, _ = _contents(rows)
    here = (content >= 0) & (rows.identity >= 0)
    shared = np.zeros(content.max(initial=0) + 1, bool)
    shared[np.unique(content[here])] = _owner(content[here], rows.identity[here]) < 0
    return np.where(here & shared[content], 0, scores)


def _contents(rows: CheckInput) -> tuple[np.ndarray, np.ndarray]:
    """`(N,) int64` codes of equal bytes, -1 where nothing could be read, and how many files have
    each."""
    content = np.ascontiguousarray(rows.measurements.content).view(np.dtype("V16"))[:, 0]
    read = rows.measurements.content.any(1)
    halves = content.view(np.uint64).reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    new = (
        np.r_[True, (halves[order][1:] != halves[order][:-1]).any(1)]
        if len(order)
        else np.zeros(0, bool)
    )
    codes = np.empty(len(order), np.int64)
    codes[order] = np.cumsum(new) - 1
    return np.where(read, codes, -1), np.maximum(np.bincount(codes, minlength=1), 1)


def _nearest_scores(rows: CheckInput, radius: int, person: np.ndarray | None = None) -> np.ndarray:
    """Score by the nearest dHash; with `identity`, among other identities and for images that have
    one."""
    seen = rows.measurements.decoded & ~(rows.measurements.measure("contrast") < _FLAT)
    if person is not None:
        seen &= person >= 0
    scores = np.where(rows.measurements.decoded, 1.0, np.nan)
    distinct, place, times = np.unique(
        rows.measurements.dhash[seen], return_inverse=True, return_counts=True
    )
    owner = None if person is None else _owner(place, person[seen])
    distance = nearest_hashes(distinct, radius, owner)
    distance[times > 1 if owner is None else owner < 0] = 0
    scores[seen] = distance[place] / (radius + 1)
    return scores


def _owner(thing: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Return the owner of each code: the identity, or -1 if there are several."""
    least, most = (
        np.full(thing.max(initial=-1) + 1, np.iinfo(np.int64).max),
        np.full(thing.max(initial=-1) + 1, -1),
    )
    np.minimum.at(least, thing, person)
    np.maximum.at(most, thing, person)
    here = most >= 0
    return np.where(least == most, least, -1)[here]
