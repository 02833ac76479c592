"""Look-alikes among hashes, against comparing all with all."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.ingest.checks import hamming
from gprplus.ingest.checks.hamming import close_pairs, nearest_hashes


def all_with_all(hashes: np.ndarray, owners: np.ndarray | None = None) -> np.ndarray:
    """`(N, N)` distances in bits, 99 where the two do not count as a pair."""
    apart = np.array([[bin(int(a) ^ int(b)).count("1") for b in hashes] for a in hashes]).reshape(
        len(hashes), len(hashes)
    )
    if owners is not None:
        apart[(owners[:, None] == owners) & (owners[:, None] >= 0)] = 99
    np.fill_diagonal(apart, 99)
    return apart


def told(blocks: Iterable[hamming.Pairs]) -> list[tuple[int, int, int]]:
    return sorted(
        (int(i), int(j), int(d)) for block in blocks for i, j, d in zip(*block, strict=True)
    )


def clustered(seed: int, count: int) -> np.ndarray:
    """Distinct hashes a few bits from a few centres, of which one has no bit set, as at night."""
    rng = np.random.default_rng(seed)
    centres = np.r_[rng.integers(0, 2**64, 3, dtype=np.uint64), np.uint64(0)]
    hashes = centres[rng.integers(0, 4, count)]
    for _ in range(4):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, count).astype(np.uint64))
    return rng.permutation(np.unique(hashes))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 60), st.integers(0, 7))
def test_pairs_and_nearest_are_those_of_comparing_all(seed: int, count: int, radius: int) -> None:
    hashes = clustered(seed, count)
    owners = np.random.default_rng(seed).integers(-1, 3, len(hashes))
    apart = all_with_all(hashes)
    pairs = [(i, j, apart[i, j]) for i, j in np.argwhere(np.triu(apart <= radius, 1)).tolist()]
    assert told(close_pairs(hashes, radius)) == pairs
    for whose in (None, owners):
        expected = np.minimum(all_with_all(hashes, whose).min(1, initial=99), radius + 1)
        assert nearest_hashes(hashes, radius, whose).tolist() == expected.tolist()


def test_long_runs_are_compared_as_rectangles_with_the_same_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashes = clustered(1, 120)
    before, far = told(close_pairs(hashes, 5)), nearest_hashes(hashes, 5)
    monkeypatch.setattr(hamming, "_LONG", 2)
    monkeypatch.setattr(hamming, "BLOCK", 7)
    assert told(close_pairs(hashes, 5)) == before
    assert nearest_hashes(hashes, 5).tolist() == far.tolist()


def test_a_pair_is_told_once_however_many_bands_it_agrees_in() -> None:
    assert told(close_pairs(np.array([8, 0, 2**63], np.uint64), 4)) == [
        (0, 1, 1),
        (0, 2, 2),
        (1, 2, 1),
    ]


def test_a_flood_of_look_alikes_is_not_compared_all_with_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All 2^13 hashes of thirteen low bits: 33 million pairs, of which a ninth lie within four
    bits."""
    compared = 0
    count = np.bitwise_count

    def counted(values: np.ndarray) -> np.ndarray:
        nonlocal compared
        compared += values.size
        return count(values)

    monkeypatch.setattr(np, "bitwise_count", counted)
    assert (nearest_hashes(np.arange(2**13, dtype=np.uint64), 4) == 1).all()
    assert compared < 2**26 / 20
