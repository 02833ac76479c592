"""Leakage: identities and files in both the train set and the test set."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.arrow import from_numpy
from gprplus.core.errors import SplitError, first_few
from gprplus.splits.candidates import CandidateTable
from gprplus.splits.designs import DrawnArm
from gprplus.splits.draws.dealing import arms_of_every_deal
from gprplus.splits.test_sets.test_set import TestSet

if TYPE_CHECKING:
    import pyarrow as pa


def find_leakage(
    pool: CandidateTable, arms: Mapping[str, DrawnArm], test_set: TestSet
) -> dict[str, int | None]:
    """Find identities and files in both train set and test set, over all deals. SplitError if there
    are any. Digests that were not read give None.
    """
    trained = _trained(pool, arms)
    sides = (
        np.bincount(pool.identity[rows], minlength=len(pool.identities))
        for rows in (trained, test_set.rows)
    )
    shared = np.flatnonzero(np.logical_and(*sides))
    if len(shared):
        names = [pool.identities[code][1] for code in shared]
        raise SplitError(
            f"{len(shared):,} identities are in both the train set and the test set:"
            f" {first_few(names)}. This is a bug of gprplus; please report it."
        )
    digests = pool.texts.column("digest") if pool.texts.has("digest") else None
    if digests is None or digests.null_count == len(digests):
        return {"identities": 0, "digests": None}
    _refuse_shared_files(pool, digests, trained, test_set.rows)
    return {"identities": 0, "digests": 0}


def _trained(pool: CandidateTable, arms: Mapping[str, DrawnArm]) -> np.ndarray:
    """Sorted positions of the rows that any deal of any arm trains on."""
    trained = np.zeros(len(pool), dtype=bool)
    for arm in arms_of_every_deal(arms):
        trained[arm.rows] = True
    return np.flatnonzero(trained)


def _refuse_shared_files(
    pool: CandidateTable, digests: "pa.Array", train: np.ndarray, test: np.ndarray
) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    ours, theirs = (digests.take(from_numpy(rows, pa.int64())) for rows in (train, test))
    twice = pc.and_kleene(pc.is_valid(theirs), pc.is_in(theirs, ours))
    if pc.any(twice).as_py():
        paths = pool.texts.take("path", test).filter(twice).to_pylist()
        raise SplitError(
            f"{len(paths):,} test images are byte for byte images of the train set, under other"
            f" identities: {first_few(paths)}. Put the identities right, or leave these images out"
            " with --where."
        )


RADIUS = 3  # bits of a difference hash: within, some one of its four quarters agrees
LOOKED_AT = 16_384  # test images compared with all training images
LISTED = 20


def near_duplicates(
    pool: CandidateTable, arms: Mapping[str, DrawnArm], test_set: TestSet
) -> tuple[dict[str, Any], list[str]]:
    """Find test images with a difference hash within RADIUS bits of a training image of any deal of
    any arm, for leakage and the warnings.

    Queries come first, then the gallery, by priority, up to LOOKED_AT. Empty if the manifest has no
    hashes.
    """
    column = pool.texts.column("dhash") if pool.texts.has("dhash") else None
    if column is None or column.null_count == len(pool):
        return {}, []
    hashes, known = sampling.to_numpy(column), sampling.is_valid(column)
    train = _trained(pool, arms)
    train, test = train[known[train]], test_set.rows[known[test_set.rows]]
    order = np.lexsort(
        (
            sampling.priorities(pool.uid[test], 0, "audit"),
            ~np.isin(test, test_set.rows[test_set.query]),
        )
    )
    test = test[order[:LOOKED_AT]]
    first, second, bits = nearest_within(hashes[test], hashes[train], RADIUS)
    ours, theirs = (
        pool.texts.take("path", rows).to_pylist() for rows in (test[first], train[second])
    )
    pairs = sorted(zip(bits.tolist(), ours, theirs, strict=True))
    listed = [{"test": one, "train": other, "bits": apart} for apart, one, other in pairs[:LISTED]]
    found = {
        "near_duplicates": {
            "count": len(pairs),
            "looked_at": len(test),
            "radius_bits": RADIUS,
            "pairs": listed,
        }
    }
    if not pairs:
        return found, []
    shown = first_few([f"{one} and {other}" for _, one, other in pairs])
    return found, [
        f"{len(pairs):,} of {len(test):,} test images resemble a training image ({shown}). This is"
        " normal for dark or foggy renders, but can also be one identity under two names: check"
        " some of them."
    ]


def nearest_within(
    ours: np.ndarray, theirs: np.ndarray, radius: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each of `ours` (n,) uint64 the position of the nearest of `theirs` within `radius`
    < 4 bits, if any.

    Two hashes within three bits agree in one of four quarters, so that only those of equal quarters
    are compared. Returns places in ours, places in theirs and bits apart, `(k,)` each.
    """
    values, place = np.unique(theirs, return_index=True)
    best = np.full(len(ours), 65, dtype=np.int64)
    which = np.zeros(len(ours), dtype=np.int64)
    for shift in (0, 16, 32, 48):
        quarter, mine = ((given >> np.uint64(shift)).astype(np.uint16) for given in (values, ours))
        order = np.argsort(quarter, kind="stable")
        low, high = (np.searchsorted(quarter[order], mine, side=side) for side in ("left", "right"))
        for start in range(0, len(ours), _TOGETHER):
            lengths = (high - low)[start : start + _TOGETHER]
            who = np.repeat(np.arange(start, start + len(lengths)), lengths)
            step = np.arange(len(who)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            other = order[low[who] + step]
            apart = _ONES[(ours[who] ^ values[other]).view(np.uint8)].reshape(-1, 8).sum(axis=1)
            close = apart <= radius
            for i, j, bits in zip(who[close], other[close], apart[close], strict=True):
                if bits < best[i]:
                    best[i], which[i] = bits, place[j]
    found = np.flatnonzero(best <= radius)
    return found, which[found], best[found]


_ONES = np.array([byte.bit_count() for byte in range(256)])
_TOGETHER = 512  # test images whose candidates are held at once
