"""Matched arms: exact matching on common support, as a table of slots.

A slot is one position in a training set: an identity, one combination of the other factors, and a
replicate number. It is kept only if an image can fill it at every compared level, so
`MatchedSlots.rows` has a row for each slot and level. An arm reads one column of it, a mixture
reads a dealt level in each row, and every arm has by construction the same identities, the same
number of images of each and the same joint distribution of all other factors. (Specification: exact
matching, m_s = min over levels of n(s, level).)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.core import sampling
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.test_sets.test_set import rank_in_runs

_STEP = np.uint64(0x9E3779B97F4A7C15)  # sets replicates of one stratum apart
_UNKNOWN_LEVEL = np.uint64(0)


@dataclass(frozen=True)
class MatchingStrata:
    """Strata of candidate rows: `code` (n,) of each row; block `owner` (S,) and `key` (S,) uint64
    of each stratum."""

    code: np.ndarray
    owner: np.ndarray
    key: np.ndarray


@dataclass(frozen=True)
class MatchedSlots:
    """Slots by block and rank: `rows` (S, L) int64 positions, `block` (S,), `rank` (S,) by priority
    in the block."""

    rows: np.ndarray
    block: np.ndarray
    rank: np.ndarray

    def __len__(self) -> int:
        return len(self.block)

    def only(self, kept: np.ndarray) -> "MatchedSlots":
        """The slots that a mask keeps."""
        return MatchedSlots(self.rows[kept], self.block[kept], self.rank[kept])


@dataclass(frozen=True)
class MatchTotals:
    """What matching cost: of `candidates` rows, in `strata` strata, `matched` rows remain, in `kept`
    strata that hold every level, of `identities` blocks."""

    candidates: int = 0
    matched: int = 0
    strata: int = 0
    kept: int = 0
    identities: int = 0

    @property
    def retention(self) -> float:
        """The share of candidate images that can be matched, 0-1."""
        return self.matched / self.candidates if self.candidates else 0.0

    def __add__(self, other: "MatchTotals") -> "MatchTotals":
        return MatchTotals(
            self.candidates + other.candidates,
            self.matched + other.matched,
            self.strata + other.strata,
            self.kept + other.kept,
            self.identities + other.identities,
        )


@dataclass(frozen=True)
class MatchedRows:
    """Slots and what matching cost: `candidates` rows came in, in `strata` strata of which `kept`
    hold every level."""

    slots: MatchedSlots
    candidates: int
    strata: int
    kept: int

    @property
    def totals(self) -> MatchTotals:
        """Return what matching cost."""
        identities = int(np.count_nonzero(np.bincount(self.slots.block)))
        return MatchTotals(
            self.candidates, int(self.slots.rows.size), self.strata, self.kept, identities
        )

    @property
    def retention(self) -> float:
        """The share of candidate images that can be matched, 0-1."""
        return self.totals.retention


def stratify(
    block: np.ndarray, block_keys: np.ndarray, factors: Sequence[AttributeCodes]
) -> MatchingStrata:
    """Cross blocks (n,) with the given factors. An unknown level is a level of its own.

    The code space is kept dense while it is not much larger than the rows, and renumbered to the
    codes in use where it would be.
    """
    code, owner, key = block, np.arange(len(block_keys)), block_keys
    for factor in factors:
        level_keys = np.concatenate([[_UNKNOWN_LEVEL], factor.level_keys])
        width = len(level_keys)
        code = code.astype(_holding(len(key) * width)) * width + (factor.values + 1)
        if len(key) * width > 4 * len(code) + 65_536:
            kept, code = np.unique(code, return_inverse=True)
        else:
            kept = np.arange(len(key) * width)
        owner, key = (
            owner[kept // width],
            sampling.splitmix64(key[kept // width] + level_keys[kept % width]),
        )
    return MatchingStrata(code, owner, key)


def _holding(codes: int) -> type[np.signedinteger]:
    """The type for codes below a bound: half as wide wherever that will do, which twenty million
    rows feel."""
    return np.int32 if codes < 2**31 else np.int64


def match_strata(
    strata: MatchingStrata, level: np.ndarray, levels: int, uid: np.ndarray, seed: int
) -> MatchedRows:
    """Fill slots from candidate rows: stratum s gives m_s = min over levels of n(s, level) slots.

    `level` (n,) in 0..levels-1, `uid` (n,) uint64. Where a cell has more images than needed, those
    of smallest priority are taken.
    """
    cell = strata.code.astype(_holding(len(strata.key) * levels)) * levels + level
    counts = np.bincount(cell, minlength=len(strata.key) * levels).reshape(-1, levels)
    depth = counts.min(axis=1)
    kept = np.flatnonzero(depth)
    if (
        counts.max(initial=0) <= 1
    ):  # one image a cell, as in a complete factorial: nothing to choose, nothing to sort
        filler = np.full(counts.size, -1, dtype=_holding(len(cell)))
        filler[cell] = np.arange(len(cell), dtype=filler.dtype)
        rows, replicate = filler.reshape(-1, levels)[kept], np.zeros(len(kept), dtype=np.int64)
    else:
        order = np.lexsort((uid, sampling.priorities(uid, seed, "image"), cell))
        starts = (np.cumsum(counts) - counts.ravel()).reshape(-1, levels)
        kept = np.repeat(kept, depth[kept])
        replicate = rank_in_runs(kept)
        rows = (
            order[starts[kept] + replicate[:, None]]
            if len(kept)
            else np.empty((0, levels), dtype=np.int64)
        )
    slots = _in_order(
        rows,
        strata.owner[kept],
        sampling.splitmix64(strata.key[kept] + replicate.astype(np.uint64) * _STEP),
        seed,
    )
    return MatchedRows(
        slots, len(cell), int((counts.sum(axis=1) > 0).sum()), int((depth > 0).sum())
    )


def _in_order(rows: np.ndarray, block: np.ndarray, key: np.ndarray, seed: int) -> MatchedSlots:
    order = argsort_by_priority(block, sampling.priorities(key, seed, "slot"), key)
    return MatchedSlots(rows[order], block[order], rank_in_runs(block[order]))


def argsort_by_priority(group: np.ndarray, priority: np.ndarray, tie: np.ndarray) -> np.ndarray:
    """Positions sorted by group, in it by priority, and by `tie` where priorities are equal.

    Group and priority are packed into one 64-bit key, which sorts several times faster than two;
    the bits that do not fit decide only if two keys are equal, and then the rows are sorted in
    full.
    """
    bits = np.uint64(64 - int(group.max(initial=0)).bit_length())
    packed = (group.astype(np.uint64) << bits) | (priority >> (np.uint64(64) - bits))
    order = np.argsort(packed)
    ranked = packed[order]
    return np.lexsort((tie, priority, group)) if (ranked[1:] == ranked[:-1]).any() else order


def complete_blocks(
    strata: MatchingStrata, cells: MatchingStrata, level: np.ndarray, levels: int
) -> np.ndarray:
    """Return the blocks with an image in every cell that occurs anywhere, at every level: `(B,)
    bool` over the blocks.

    `cells` are the same rows stratified without their blocks.
    """
    needed = len(np.unique(cells.code)) * levels
    filled = np.unique(strata.code.astype(_holding(len(strata.key) * levels)) * levels + level)
    return (
        np.bincount(strata.owner[filled // levels], minlength=int(strata.owner.max(initial=-1)) + 1)
        == needed
    )


def round_robin_rows(
    slots: MatchedSlots,
    block_keys: np.ndarray,
    level_keys: np.ndarray,
    among: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Rows `(S,)` of a mixture: each block deals the levels `among` round-robin, in an order hashed
    for that block.

    Slots are dealt in the order of their rank, which is hashed too: dealing by cell number would
    tie the level to another factor. Counts of two levels in a block differ by at most one, and a
    smaller budget keeps a part of a larger one.
    """
    turns = np.argsort(
        sampling.priorities(
            sampling.splitmix64(block_keys[:, None] + level_keys[among][None, :]), seed, "deal"
        ),
        axis=1,
    )
    dealt = among[turns[slots.block, slots.rank % len(among)]]
    return slots.rows[np.arange(len(slots)), dealt]


def take_first(
    slots: MatchedSlots,
    order: np.ndarray,
    identities: int | None,
    images_per_identity: int | None,
    budget: int | None,
) -> MatchedSlots:
    """The slots within `slot_quotas`, the first of each block."""
    sizes = np.bincount(slots.block, minlength=len(order))
    quotas = slot_quotas(sizes, order, identities, images_per_identity, budget)
    return slots.only(slots.rank < quotas[slots.block])


def slot_quotas(
    sizes: np.ndarray,
    order: np.ndarray,
    identities: int | None,
    images_per_identity: int | None,
    budget: int | None,
) -> np.ndarray:
    """Return how many slots each block gives, `(B,)`, of `sizes` (B,): the first `identities` blocks
    by `order` (B,) priorities, the first images of each, `budget` slots in all.

    Each is bottom-k, so sizes are nested. A budget is spread as evenly as the blocks allow: by rank
    first, then by block. Callers have made sure that there is enough.

    >>> order = np.array([2, 1, 3], dtype=np.uint64)
    >>> slot_quotas(np.array([4, 1, 4]), order, None, None, 6).tolist()
    [3, 1, 2]
    """
    quotas = sizes.astype(np.int64)
    if images_per_identity is not None:
        quotas = np.where(quotas >= images_per_identity, images_per_identity, 0)
    if identities is not None:
        blocks = np.flatnonzero(quotas)
        chosen = np.zeros(len(quotas), dtype=bool)
        chosen[blocks[sampling.bottom_k(order[blocks], identities, blocks)]] = True
        quotas[~chosen] = 0
    return quotas if budget is None else _within_budget(quotas, order, budget)


def _within_budget(quotas: np.ndarray, order: np.ndarray, budget: int) -> np.ndarray:
    """Spread a budget over blocks: full ranks first, the last rank by the order of the blocks."""
    low, high = 0, int(quotas.max(initial=0))
    while low < high:  # the most ranks of all blocks that the budget holds
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if np.minimum(quotas, middle).sum() <= budget else (low, middle - 1)
        )
    within = np.minimum(quotas, low)
    more = np.flatnonzero(quotas > low)
    within[more[np.lexsort((more, order[more]))[: budget - int(within.sum())]]] += 1
    return within


def draw_within(
    person: np.ndarray, wanted: np.ndarray, priority: np.ndarray, uid: np.ndarray
) -> np.ndarray:
    """Return positions, sorted, of the `wanted[p]` rows of smallest priority of each identity p;
    `uid` breaks ties.

    Priorities are uniform, so nearly all rows have too high a priority. Only the rest is sorted,
    after checking that it has enough rows of each identity.
    """
    owned = np.bincount(person, minlength=len(wanted))
    enough = (wanted + 6 * np.sqrt(wanted) + 8) / np.maximum(
        owned, 1
    )  # six standard deviations more than wanted
    bound = (np.minimum(enough, 1.0) * (2.0**64 - 2**12)).astype(np.uint64)
    bound[enough >= 1] = np.iinfo(np.uint64).max
    low = np.flatnonzero(priority <= bound[person])
    if (np.bincount(person[low], minlength=len(wanted)) < np.minimum(wanted, owned)).any():
        low = np.arange(len(person))
    order = low[argsort_by_priority(person[low], priority[low], uid[low])]
    rank = rank_in_runs(person[order])
    return np.sort(order[rank < wanted[person[order]]])
