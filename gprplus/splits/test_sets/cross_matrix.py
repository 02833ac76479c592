"""The matrix of query levels against gallery levels: matched slots of the test set, the same at every
level (`cross_level_tests`).

What concerns all slots (by what query and match differ, the angle between them) is planned from
facts that add up over parts of the test set; the rest is drawn identity by identity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from gprplus.core import protocol, sampling
from gprplus.core.errors import SplitError
from gprplus.schema.records import Protocol
from gprplus.schema.split_record import LevelTest
from gprplus.splits.designs import DesignInput
from gprplus.splits.designs.only_without import level_index
from gprplus.splits.draws.matching import MatchedSlots, match_strata, stratify
from gprplus.splits.test_sets.test_groups import REMOVED_MATCH, TestGroup
from gprplus.splits.test_sets.test_set import (
    CAMERA_COLUMN,
    camera_codes,
    choose_queries,
    keep_some_in_gallery,
    run_starts,
)
from gprplus.splits.test_sets.viewpoint_gap import ViewpointGap, gap_degrees

MAX_LEVELS = 16  # of a matrix, which has a test for each pair


def crossed_levels(train: DesignInput, present: np.ndarray, compared: Sequence[Any]) -> np.ndarray:
    """Codes of the levels to cross: those compared that are `present` in the test set."""
    codes, names = train.pool.codes(train.request.attr), set(map(str, compared))
    there = np.array([code for code in present if str(codes.levels[code]) in names])
    if not 2 <= len(there) <= MAX_LEVELS:
        raise SplitError(
            f"A matrix of query against gallery levels takes 2 to {MAX_LEVELS} levels of"
            f" {codes.name}; found {len(there)}. Name some with --levels."
        )
    return there


def matrix_slots(train: DesignInput, rows: np.ndarray, crossed: np.ndarray) -> MatchedSlots:
    """Match test rows (n,) over the crossed levels."""
    attr, pool = train.request.attr, train.pool
    level = level_index(crossed, pool.codes(attr))[rows]
    rows, level = rows[level >= 0], level[level >= 0]
    others = [pool.images[name].at(rows) for name in train.relations.strata(attr)]
    strata = stratify(pool.identity[rows], pool.identity_keys, others)
    slots = match_strata(strata, level, len(crossed), pool.uid[rows], seed=0).slots
    return MatchedSlots(rows[slots.rows], slots.block, slots.rank)


@dataclass(frozen=True)
class MatrixFacts:
    """What a plan needs to know of all slots: their number, whether each has one camera and one
    known viewpoint at all levels, these viewpoints, and the levels of each other factor."""

    slots: int = 0
    one_camera: bool = True
    one_viewpoint: bool = True
    viewpoints: frozenset[int] = frozenset()
    factors: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, train: DesignInput, slots: MatchedSlots) -> "MatrixFacts":
        """Look at the slots of a part of the test set."""
        at = camera_codes(train.pool)[1][slots.rows]
        viewpoint = train.pool.images["viewpoint_deg"]
        codes = viewpoint.values[slots.rows]
        seen = np.unique(codes[codes >= 0])
        return cls(
            len(slots),
            bool((at == at[:, :1]).all()),
            bool((codes == codes[:, :1]).all() and (codes >= 0).all()),
            frozenset(int(viewpoint.levels[code]) for code in seen),
            {
                name: frozenset(train.pool.images[name].at(slots.rows[:, 0]).present().tolist())
                for name in train.relations.strata(train.request.attr)
            },
        )

    def __add__(self, other: "MatrixFacts") -> "MatrixFacts":
        names = self.factors if self.factors else other.factors
        none: frozenset[int] = frozenset()
        return MatrixFacts(
            self.slots + other.slots,
            self.one_camera and other.one_camera,
            self.one_viewpoint and other.one_viewpoint,
            self.viewpoints | other.viewpoints,
            {name: self.factors.get(name, none) | other.factors.get(name, none) for name in names},
        )


@dataclass(frozen=True)
class MatrixPlan:
    """How query and match differ: by the camera of a protocol or by the levels of a factor
    `plays`, and by `degrees` of viewpoint, if any."""

    protocol: Protocol
    plays: str
    degrees: int | None


def plan_matrix(train: DesignInput, facts: MatrixFacts) -> MatrixPlan:
    """Plan the matrix. Raises SplitError where query and match cannot differ as they must."""
    request = train.request
    name, plays = _apart(train, facts)
    degrees = gap_degrees(
        facts.viewpoints,
        bool(facts.slots) and facts.one_viewpoint,
        request.min_viewpoint_gap_deg,
        crossed=request.attr == "viewpoint_deg",
    )
    return MatrixPlan(name, plays, degrees)


def _apart(train: DesignInput, facts: MatrixFacts) -> tuple[Protocol, str]:
    """Protocol and column of what query and true match must differ in."""
    name, _ = camera_codes(train.pool)
    if name != "no-camera" and facts.slots and facts.one_camera:
        return name, CAMERA_COLUMN[name]
    varying = {factor: len(codes) for factor, codes in facts.factors.items() if len(codes) > 1}
    if not varying:
        raise SplitError(
            f"The test set cannot be crossed over {train.request.attr}: there is no other factor in"
            " which a query and its true matches could differ."
        )
    return "no-camera", max(varying, key=lambda factor: varying[factor])


@dataclass(frozen=True)
class CrossedSlots:
    """Slots in their roles: positions in `slots` of the queries and the gallery, and of the pairs
    of query and gallery whose match is removed (places in `query` and in `gallery`). `matches` (Q,)
    counts the true matches of each query."""

    slots: MatchedSlots
    query: np.ndarray
    gallery: np.ndarray
    asks: np.ndarray
    near: np.ndarray
    matches: np.ndarray

    @property
    def identities(self) -> int:
        """Return the number of identities that are queried."""
        return len(np.unique(self.slots.block[self.query]))


def cross_slots(train: DesignInput, slots: MatchedSlots, plan: MatrixPlan) -> CrossedSlots:
    """Give slots their roles. Queries without a true match are left out."""
    column = CAMERA_COLUMN.get(plan.protocol, plan.plays)
    apart = train.pool.images[column].values[slots.rows[:, 0]]
    query = _searching(train, slots, apart, train.relations.strata(train.request.attr), plan.plays)
    gallery = _without(len(slots), query)
    if (
        plan.protocol == "no-camera"
    ):  # the rule that hides a match at scoring is the camera's: here the sides are apart already
        gallery = gallery[~_shares(slots.block, apart, query)[gallery]]
    same = (apart[query], apart[gallery]) if plan.protocol != "no-camera" else ()
    matches = protocol.count_matches(slots.block[query], slots.block[gallery], *same)
    asks, near = _too_near(train, slots, plan, query, gallery)
    if same:  # those the camera hides already
        asks, near = (pair[same[0][asks] != same[1][near]] for pair in (asks, near))
    matches -= np.bincount(asks, minlength=len(query))
    kept = np.cumsum(matches > 0) - 1
    asks, near = (pair[matches[asks] > 0] for pair in (asks, near))
    return CrossedSlots(slots, query[matches > 0], gallery, kept[asks], near, matches[matches > 0])


def _too_near(
    train: DesignInput,
    slots: MatchedSlots,
    plan: MatrixPlan,
    query: np.ndarray,
    gallery: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of query and gallery slots of one identity with too close viewpoints."""
    if not plan.degrees:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    viewpoint = train.pool.images["viewpoint_deg"]
    codes = viewpoint.values[slots.rows[:, 0]]
    at = np.array(viewpoint.levels, dtype=np.int64)[codes]
    return ViewpointGap(plan.degrees, at).hidden(query, gallery, slots.block)


@dataclass(frozen=True)
class CrossTotals:
    """Counts of crossed slots: identities, queries, gallery, pairs whose match is removed, and the
    least and the most true matches of a query."""

    identities: int = 0
    queries: int = 0
    gallery: int = 0
    removed: int = 0
    least: int | None = None
    most: int = 0

    @classmethod
    def of(cls, crossed: CrossedSlots) -> "CrossTotals":
        """Count the slots of a part of the test set."""
        least = int(crossed.matches.min()) if len(crossed.matches) else None
        return cls(
            crossed.identities,
            len(crossed.query),
            len(crossed.gallery),
            len(crossed.asks),
            least,
            int(crossed.matches.max(initial=0)),
        )

    def __add__(self, other: "CrossTotals") -> "CrossTotals":
        known = [one for one in (self.least, other.least) if one is not None]
        return CrossTotals(
            self.identities + other.identities,
            self.queries + other.queries,
            self.gallery + other.gallery,
            self.removed + other.removed,
            min(known) if known else None,
            max(self.most, other.most),
        )


def matrix_tests(
    train: DesignInput, crossed: np.ndarray, plan: MatrixPlan, totals: CrossTotals
) -> dict[str, LevelTest]:
    """Return the record of each test of the matrix. Raises SplitError where no query has a
    match."""
    attr = train.request.attr
    if not totals.queries:
        far = f" and {plan.degrees} degrees apart" if plan.degrees else ""
        fewer = ", give a smaller --min-viewpoint-gap" if plan.degrees else ""
        raise SplitError(
            f"The test set cannot be crossed over {attr}: no test identity has an image at every"
            f" level of it under two different conditions{far}. Render more, name fewer"
            f" --levels{fewer}, or leave --cross-level-tests out."
        )
    shared = LevelTest(
        kind="cross",
        protocol=plan.protocol,
        apart_in=plan.plays,
        apart_deg=plan.degrees,
        identities=totals.identities,
        queries=totals.queries,
        gallery=totals.gallery,
        matches_per_query=[totals.least or 0, totals.most],
        groups=[],
    )
    facts: dict[str, LevelTest] = {}
    for one, other in product(_names(train, crossed), repeat=2):
        used = [f"query {one}", f"gallery {other}"]
        used += [f"{REMOVED_MATCH} {one}>{other}"] if totals.removed else []
        facts[f"self:{one}>{other}"] = replace(
            shared, query_level=one, gallery_level=other, groups=used
        )
    return facts


def matrix_groups(
    train: DesignInput, levels: np.ndarray, crossed: CrossedSlots
) -> dict[str, TestGroup]:
    """Return the rows of each group of the tests."""
    names, rows = _names(train, levels), crossed.slots.rows
    query, gallery = crossed.query, crossed.gallery
    groups: dict[str, TestGroup] = {}
    for i, one in enumerate(names):
        groups[f"query {one}"] = TestGroup("query", np.sort(rows[query, i]))
        groups[f"gallery {one}"] = TestGroup("gallery", np.sort(rows[gallery, i]))
    if len(crossed.asks):
        for (i, one), (j, other) in product(enumerate(names), repeat=2):
            groups[f"{REMOVED_MATCH} {one}>{other}"] = TestGroup(
                REMOVED_MATCH, rows[gallery[crossed.near], j], rows[query[crossed.asks], i]
            )
    return groups


def _names(train: DesignInput, crossed: np.ndarray) -> list[str]:
    levels = train.pool.codes(train.request.attr).levels
    return [str(levels[code]) for code in crossed]


def _searching(
    train: DesignInput,
    slots: MatchedSlots,
    apart: np.ndarray,
    strata_names: Sequence[str],
    plays: str,
) -> np.ndarray:
    """Choose the query slots: one for each identity and camera; without cameras of one condition,
    by hash."""
    key = sampling.splitmix64(train.pool.identity_keys[slots.block] + slots.rank.astype(np.uint64))
    priority = sampling.priorities(key, 0, "query")
    others = [
        train.pool.images[name].at(slots.rows[:, 0]) for name in strata_names if name != plays
    ]
    chosen = choose_queries(
        slots.block, apart, [codes for codes in others if len(codes.levels) > 1], priority
    )
    if camera_codes(train.pool)[0] != "no-camera" and plays in ("camera", "viewpoint_deg"):
        return keep_some_in_gallery(chosen, slots.block, priority)
    condition = sampling.priorities(
        sampling.splitmix64(train.pool.identity_keys[slots.block] + apart.astype(np.uint64)),
        0,
        "condition",
    )
    order = np.lexsort((condition, slots.block))
    head = order[run_starts(slots.block[order])]
    mine = np.full(len(train.pool.identities), -1, dtype=np.int64)
    mine[slots.block[head]] = apart[head]
    return np.flatnonzero(apart == mine[slots.block])


def _without(size: int, query: np.ndarray) -> np.ndarray:
    left = np.ones(size, dtype=bool)
    left[query] = False
    return np.flatnonzero(left)


def _shares(person: np.ndarray, apart: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Return `(S,) bool`: the slots with the condition of a query slot of their identity."""
    wide = int(apart.max(initial=0)) + 1
    return np.isin(
        person.astype(np.int64) * wide + apart, person[query].astype(np.int64) * wide + apart[query]
    )
