"""Pairs of 64-bit hashes within a few bits of each other: exact, without comparing all pairs.

By the pigeonhole principle: cut 64 bits into r + k bands, and two hashes that differ in at most r
bits agree fully in at least k of them. So for every choice of k bands the hashes are sorted by
those, and only equal ones are compared. Norouzi, Punjani and Fleet, "Fast search in Hamming space
with multi-index hashing", CVPR 2012, use k = 1; here k grows until a choice of bands distinguishes
as many values as there are hashes, which at two million avoids nearly all of the comparisons. Bits
are assigned to the bands by their balance, so that bands separate the hashes well even if half of
the images are dark and most bits are zero.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

BITS = 64
BLOCK = 1 << 20  # comparisons at a time: some 40 MB of scratch, whatever the number of hashes
_SPARE = 4  # bits of a sort key beyond the number that distinguishes all hashes
_LONG = 1_024  # hashes that agree in their bands; more of them are compared as a rectangle, not by shifting

Pairs = tuple[
    np.ndarray, np.ndarray, np.ndarray
]  # (P,) int64 positions of both, (P,) uint8 distance in bits


def close_pairs(hashes: np.ndarray, radius: int) -> Iterator[Pairs]:
    """Yield every pair of `(N,) uint64` distinct hashes at most `radius` bits apart, once, in
    blocks without order.

    Pass distinct hashes (np.unique): n equal ones give n (n - 1) / 2 redundant pairs.

    >>> [[part.tolist() for part in block] for block in close_pairs(np.array([0, 3, 255], np.uint64), 2)]
    [[[0], [1], [2]]]
    """
    everybody = np.ones(len(hashes), bool)
    dealt, masks, agreeing = _dealt(hashes, radius)
    for chosen in combinations(range(len(masks)), agreeing):
        for first, second, distance in _compared(dealt, masks[list(chosen)], radius, everybody):
            agree = (dealt[first] ^ dealt[second])[:, None] & masks == 0
            leading = (
                np.cumsum(agree, 1) <= agreeing
            ) & agree  # a pair is reported by the first bands it agrees in
            once = leading[:, list(chosen)].all(1)
            if once.any():
                yield (
                    np.minimum(first, second)[once],
                    np.maximum(first, second)[once],
                    distance[once],
                )


def nearest_hashes(hashes: np.ndarray, radius: int, owners: np.ndarray | None = None) -> np.ndarray:
    """Return the distance of the nearest other one of `(N,) uint64` distinct hashes, in bits;
    `radius + 1` if none is within the radius. `(N,) uint8`.

    With `owners` `(N,) int64` only hashes of another owner count; owner -1 means several and
    differs from all.

    The radius grows bit by bit, and a hash with a neighbor is not searched further. A large group
    of similar images is therefore resolved by its nearest pairs, and the number of pairs within the
    whole radius does not matter.

    >>> nearest_hashes(np.array([0, 3, 255], np.uint64), 2).tolist()
    [2, 2, 3]
    """
    found = np.full(len(hashes), radius + 1, np.uint8)
    for reach in range(1, radius + 1):
        dealt, masks, agreeing = _dealt(hashes, reach)
        for chosen in combinations(range(len(masks)), agreeing):
            asking = found > reach
            for first, second, distance in _compared(
                dealt, masks[list(chosen)], reach, asking, owners
            ):
                np.minimum.at(found, first, distance)
                np.minimum.at(found, second, distance)
    return found


def _dealt(hashes: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The hashes with their bits in another order, the masks of the bands `(B,) uint64`, and how
    many must agree."""
    enough = min(np.log2(max(len(hashes), 2)) + _SPARE, BITS // 2)
    agreeing = next(k for k in range(1, BITS) if BITS * k / (radius + k) >= enough)
    bands = radius + agreeing
    some = hashes[:: max(len(hashes) // 10_000, 1)] if len(hashes) else np.zeros(1, np.uint64)
    share = [
        abs(float(np.mean((some >> np.uint64(bit)) & np.uint64(1))) - 0.5) for bit in range(BITS)
    ]
    order = sorted(range(BITS), key=lambda bit: (share[bit], bit))
    hands = [order[band::bands] for band in range(bands)]
    place = {bit: at for at, bit in enumerate(bit for hand in hands for bit in hand)}
    dealt = np.zeros(len(hashes), np.uint64)
    for byte in range(8):
        moved = [
            sum(1 << place[8 * byte + bit] for bit in range(8) if value >> bit & 1)
            for value in range(256)
        ]
        dealt |= np.array(moved, np.uint64)[(hashes >> np.uint64(8 * byte)).astype(np.uint8)]
    masks = [sum(1 << place[bit] for bit in hand) for hand in hands]
    return dealt, np.array(masks, np.uint64), agreeing


def _compared(
    hashes: np.ndarray,
    masks: np.ndarray,
    radius: int,
    asking: np.ndarray,
    owners: np.ndarray | None = None,
) -> Iterator[Pairs]:
    """Return the pairs within `radius` among hashes that agree under the masks, at least one of
    them unresolved."""
    keys, order = _sorted_by(hashes, masks)
    worth = _worth_comparing(keys, asking[order], None if owners is None else owners[order])
    keys, order = keys[worth], order[worth]
    starts = _starts(keys)
    lengths = np.diff(np.r_[starts, len(keys)])
    short = np.repeat(lengths <= _LONG, lengths)
    sources = [_shifted(hashes, order[short], keys[short], radius, asking)]
    for start, length in zip(starts[lengths > _LONG], lengths[lengths > _LONG], strict=True):
        sources.append(_rectangle(hashes, order[start : start + length], radius, asking))
    for first, second, distance in (block for source in sources for block in source):
        if owners is None:
            yield first, second, distance
        elif (differ := (owners[first] != owners[second]) | (owners[first] < 0)).any():
            yield first[differ], second[differ], distance[differ]


def _sorted_by(hashes: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bits under the masks, sorted, and the positions they come from.

    Key and position are packed into one number if they fit: NumPy sorts numbers five times faster
    than it computes an argsort.
    """
    key = np.zeros(len(hashes), np.uint64)
    width = 0
    for mask in masks.tolist():
        low = (mask & -mask).bit_length() - 1
        key |= ((hashes & np.uint64(mask)) >> np.uint64(low)) << np.uint64(width)
        width += mask.bit_count()
    room = len(hashes).bit_length()
    if width + room > BITS:
        order = np.argsort(key)
        return key[order], order
    packed = np.sort(key << np.uint64(room) | np.arange(len(hashes), dtype=np.uint64))
    return packed >> np.uint64(room), (packed & np.uint64((1 << room) - 1)).astype(np.int64)


def _starts(keys: np.ndarray) -> np.ndarray:
    """Return the starts of runs of equal keys."""
    return (
        np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, np.int64)
    )


def _worth_comparing(keys: np.ndarray, asking: np.ndarray, owners: np.ndarray | None) -> np.ndarray:
    """Mark `(N,) bool` over sorted keys: runs of two or more with an unresolved hash and more than
    one owner."""
    starts = _starts(keys)
    lengths = np.diff(np.r_[starts, len(keys)])
    worth = lengths > 1
    if len(keys):
        worth &= np.logical_or.reduceat(asking, starts)
    if len(keys) and owners is not None:
        least = np.minimum.reduceat(owners, starts)
        worth &= (least < 0) | (least != np.maximum.reduceat(owners, starts))
    return np.repeat(worth, lengths)


def _shifted(
    hashes: np.ndarray, members: np.ndarray, keys: np.ndarray, radius: int, asking: np.ndarray
) -> Iterator[Pairs]:
    """Pairs within runs of equal keys: every hash with its next, then with its next but one, and so
    on."""
    own, asks = hashes[members], asking[members]
    live, shift = np.arange(max(len(keys) - 1, 0)), 1
    while len(live):
        live = live[: np.searchsorted(live, len(keys) - shift)]
        live = live[keys[live] == keys[live + shift]]
        for start in range(0, len(live), BLOCK):
            at = live[start : start + BLOCK]
            distance = np.bitwise_count(own[at] ^ own[at + shift])
            near = np.flatnonzero((distance <= radius) & (asks[at] | asks[at + shift]))
            if len(near):
                yield members[at[near]], members[at[near] + shift], distance[near]
        shift += 1


def _rectangle(
    hashes: np.ndarray, members: np.ndarray, radius: int, asking: np.ndarray
) -> Iterator[Pairs]:
    """Yield pairs within one long run: each unresolved hash with all others, a pair of two
    unresolved ones once."""
    asks = asking[members]
    members = np.r_[members[asks], members[~asks]]
    askers, own = int(asks.sum()), hashes[members]
    height = max(BLOCK // len(members), 1)
    for top in range(0, askers, height):
        distance = np.bitwise_count(own[top : min(top + height, askers), None] ^ own[top:])
        one, other = np.nonzero(distance <= radius)
        once = other > one
        one, other = one[once], other[once]
        if len(one):
            yield members[top + one], members[top + other], distance[one, other]
