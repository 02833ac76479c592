"""Tests across levels: a matrix of query level and gallery level, and the removal of matches
similar to the query.

They use the same test identities and the same features, so they need no new embedding. Each is
named like a target of the split, `self:<query level>><gallery level>`; tests.parquet lists the rows
of each.

The matrix. Slots are matched in the test set like arms in the train set: a slot is an identity and
one combination of the other factors, kept if every level has an image. Some slots are queries and
the others are the gallery, the same at every level, so that all entries have the same identities,
queries, true matches of each query and distractors, and the other factors agree. Query and true
match differ in camera on every entry, diagonal or not, and in viewpoint by an angle
(viewpoint_gap.py); if the camera changes with the attribute, in another factor. The diagonal is
therefore not easier by construction: no query retrieves itself, nor the same or an adjacent
viewpoint.

If there is no such matrix, `self:<level>><level>` are plain: queries of a level, and the gallery
rows of that level.

The removal (PersonX, CVPR 2019). `self:without-same-level` excludes, for each query, its true
matches at its own level; `self:without-random` the same number of its true matches, drawn at
random.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core import protocol, sampling
from gprplus.core.errors import SplitError
from gprplus.schema.records import Protocol
from gprplus.schema.split_record import LevelTest
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.designs import DesignInput
from gprplus.splits.designs.only_without import level_index
from gprplus.splits.draws.matching import MatchedSlots, match_strata, stratify
from gprplus.splits.test_sets.test_set import (
    TestSet,
    camera_codes,
    choose_queries,
    keep_some_in_gallery,
    run_starts,
)
from gprplus.splits.test_sets.viewpoint_gap import viewpoint_gap

if TYPE_CHECKING:
    pass

MAX_LEVELS = 16  # of a matrix, which has a test for each pair
MOST_ALONE = 64  # levels that are tested each by itself
REMOVED_MATCH = "removed"
_PARTS = ("facts", "groups")  # of Tests


@dataclass(frozen=True)
class TestGroup:
    """Rows in one role: `rows` positions in the pool; of removed rows, `of` the query from which
    they are excluded."""

    role: str
    rows: np.ndarray
    of: np.ndarray | None = None


@dataclass(frozen=True)
class CrossLevelTests:
    """Tests by name, each with its record for split.json (including its groups), and the groups.

    `warnings` are sentences about confounded measurements.
    """

    __test__ = False

    facts: Mapping[str, LevelTest] = field(default_factory=dict)
    groups: Mapping[str, TestGroup] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def cross_level_tests(
    train: DesignInput, test_set: TestSet, levels: Sequence[Any]
) -> CrossLevelTests:
    """Make the requested tests over the compared `levels` of the arms. Raises SplitError if the
    test set does not allow them.
    """
    request = train.request
    insisted = request.cross_level_tests or request.min_viewpoint_gap_deg is not None
    if insisted or request.without_same_level_matches:
        _require_varying(train, test_set)
    found = [_matrix(train, test_set, levels)] if insisted else []
    found += (
        [rows_by_level(train, test_set, levels)]
        if request.cross_level_tests is None and not insisted
        else []
    )
    found += [_removal(train, test_set)] if request.without_same_level_matches else []
    facts, groups = (
        {key: value for one in found for key, value in getattr(one, name).items()}
        for name in _PARTS
    )
    crossed = any(one.kind == "cross" for one in facts.values())
    return CrossLevelTests(facts, groups, tuple(_places(train) if crossed else ()))


def _require_varying(train: DesignInput, test_set: TestSet) -> None:
    """Raise SplitError where a query can have no true match of another level."""
    attr = train.request.attr
    if not len(test_set.rows):
        raise SplitError(
            "--cross-level-tests and --without-same-level-matches need a test set; give a"
            " --test-share above 0."
        )
    if (
        attr == "identity"
        or attr in train.pool.identity_attributes
        or train.relations.is_function_of(attr, ("identity",))
    ):
        raise SplitError(
            "--cross-level-tests and --without-same-level-matches need an attribute that varies"
            f" within an identity: {attr} does not, so that no query has a relevant image of"
            " another level."
        )


def rows_by_level(train: DesignInput, test_set: TestSet, levels: Sequence[Any]) -> CrossLevelTests:
    """The matrix of query against gallery levels where the test set allows it, else the tests
    within each level."""
    try:
        _require_varying(train, test_set)
        return _matrix(train, test_set, levels)
    except SplitError:
        return within_levels(train, test_set)


def within_levels(train: DesignInput, test_set: TestSet) -> CrossLevelTests:
    """Queries of each level in the gallery of that level alone: rows of the test set `self`, as
    they are.

    A query counts where its own level holds a true match under the protocol; levels without such a
    query have no test.
    """
    pool, attr = train.pool, train.request.attr
    if attr == "identity" or not len(test_set.rows):
        return CrossLevelTests()
    codes, (name, camera) = pool.codes(attr), camera_codes(pool)
    facts: dict[str, LevelTest] = {}
    groups: dict[str, TestGroup] = {}
    present = codes.at(test_set.rows).present()
    for code in present if len(present) <= MOST_ALONE else ():
        here = codes.values[test_set.rows] == code
        query, gallery = test_set.rows[here & test_set.query], test_set.rows[here & ~test_set.query]
        found = protocol.count_matches(
            pool.identity[query], pool.identity[gallery], camera[query], camera[gallery]
        )
        query, level = query[found > 0], str(codes.levels[code])
        if len(query):
            names = [f"query {level}", f"gallery {level}"]
            groups |= {names[0]: TestGroup("query", query), names[1]: TestGroup("gallery", gallery)}
            facts[f"self:{level}>{level}"] = LevelTest(
                kind="level",
                protocol=name,
                identities=len(np.unique(pool.identity[query])),
                queries=len(query),
                gallery=len(gallery),
                matches_per_query=[int(found[found > 0].min()), int(found.max())],
                query_level=level,
                gallery_level=level,
                groups=names,
            )
    return CrossLevelTests(facts, groups)


def _places(train: DesignInput) -> list[str]:
    """Return a warning if the background reveals the level or the identity: images are not
    masked."""
    found, attr = train.relations, train.request.attr
    by = next(
        (
            of
            for of in ((attr,), ("identity",), ("identity", attr))
            if found.is_function_of("background", of)
        ),
        None,
    )
    if by is None or attr == "background":
        return []
    return [
        f"The background follows from {' and '.join(by)}, and no copy of the test images with the"
        " background masked is searched: the matrix of query against gallery levels measures the"
        " matching of backgrounds too."
    ]


def _matrix(train: DesignInput, test_set: TestSet, levels: Sequence[Any]) -> CrossLevelTests:
    attr, pool = train.request.attr, train.pool
    compared = _levels(train, test_set, levels)
    strata_names = train.relations.strata(attr)
    level = level_index(compared, pool.codes(attr))[test_set.rows]
    rows, level = test_set.rows[level >= 0], level[level >= 0]
    others = [pool.images[name].at(rows) for name in strata_names]
    strata = stratify(pool.identity[rows], pool.identity_keys, others)
    slots = match_strata(strata, level, len(compared), pool.uid[rows], seed=0).slots
    slots = MatchedSlots(rows[slots.rows], slots.block, slots.rank)
    name, plays, apart = _apart(train, slots, strata_names)
    query = _searching(train, slots, apart, strata_names, plays)
    turned = viewpoint_gap(
        pool.images["viewpoint_deg"], slots, train.request.min_viewpoint_gap_deg, attr
    )
    gallery = _without(len(slots), query)
    if (
        name == "no-camera"
    ):  # the rule that hides a match at scoring is the camera's: here the sides are apart already
        gallery = gallery[~_shares(slots.block, apart, query)[gallery]]
    same = (apart[query], apart[gallery]) if name != "no-camera" else ()
    matches = protocol.count_matches(slots.block[query], slots.block[gallery], *same)
    asks, near = (
        turned.hidden(query, gallery, slots.block) if turned else (np.empty(0, np.int64),) * 2
    )
    if same:  # those the camera hides already
        asks, near = (pair[same[0][asks] != same[1][near]] for pair in (asks, near))
    matches -= np.bincount(asks, minlength=len(query))
    if not (matches > 0).any():
        far = f" and {turned.degrees} degrees apart" if turned else ""
        fewer = ", give a smaller --min-viewpoint-gap" if turned else ""
        raise SplitError(
            f"The test set cannot be crossed over {attr}: no test identity has an image at every"
            f" level of it under two different conditions{far}. Render more, name fewer"
            f" --levels{fewer}, or leave --cross-level-tests out."
        )
    kept = np.cumsum(matches > 0) - 1
    asks, near = (pair[matches[asks] > 0] for pair in (asks, near))
    query, asks, matches = query[matches > 0], kept[asks], matches[matches > 0]
    names = [str(pool.codes(attr).levels[code]) for code in compared]
    shared = LevelTest(
        kind="cross",
        protocol=name,
        apart_in=plays,
        apart_deg=turned.degrees if turned else None,
        identities=len(np.unique(slots.block[query])),
        queries=len(query),
        gallery=len(gallery),
        matches_per_query=[int(matches.min()), int(matches.max())],
        groups=[],
    )
    groups: dict[str, TestGroup] = {}
    for i, one in enumerate(names):
        groups[f"query {one}"] = TestGroup("query", np.sort(slots.rows[query, i]))
        groups[f"gallery {one}"] = TestGroup("gallery", np.sort(slots.rows[gallery, i]))
    facts: dict[str, LevelTest] = {}
    for (i, one), (j, other) in product(enumerate(names), repeat=2):
        used = [f"query {one}", f"gallery {other}"]
        if len(asks):
            used.append(f"{REMOVED_MATCH} {one}>{other}")
            groups[used[-1]] = TestGroup(
                REMOVED_MATCH, slots.rows[gallery[near], j], slots.rows[query[asks], i]
            )
        facts[f"self:{one}>{other}"] = replace(
            shared, query_level=one, gallery_level=other, groups=used
        )
    return CrossLevelTests(facts, groups)


def _levels(train: DesignInput, test_set: TestSet, compared: Sequence[Any]) -> np.ndarray:
    """Codes of the levels to cross: those compared that the test set has."""
    codes, names = train.pool.codes(train.request.attr), set(map(str, compared))
    present = codes.at(test_set.rows).present()
    present = np.array([code for code in present if str(codes.levels[code]) in names])
    if not 2 <= len(present) <= MAX_LEVELS:
        raise SplitError(
            f"A matrix of query against gallery levels takes 2 to {MAX_LEVELS} levels of"
            f" {codes.name}; found {len(present)}. Name some with --levels."
        )
    return present


def _apart(
    train: DesignInput, slots: MatchedSlots, strata_names: Sequence[str]
) -> tuple[Protocol, str, np.ndarray]:
    """Protocol, column and code `(S,)` of each slot of what query and true match must differ in."""
    name, camera = camera_codes(train.pool)
    at = camera[slots.rows]
    if name != "no-camera" and len(slots) and (at == at[:, :1]).all():
        return name, {"camera": "camera", "viewpoint": "viewpoint_deg"}[name], at[:, 0]
    varying = [train.pool.images[factor] for factor in strata_names]
    varying = [codes.at(slots.rows[:, 0]) for codes in varying]
    varying = [codes for codes in varying if len(codes.present()) > 1]
    if not varying:
        raise SplitError(
            f"The test set cannot be crossed over {train.request.attr}: there is no other factor in"
            " which a query and its true matches could differ."
        )
    chosen = max(varying, key=lambda codes: len(codes.present()))
    return "no-camera", chosen.name, chosen.values


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


def _removal(train: DesignInput, test_set: TestSet) -> CrossLevelTests:
    pool = train.pool
    level: AttributeCodes = pool.codes(train.request.attr)
    name, camera = camera_codes(pool)
    query, gallery = test_set.rows[test_set.query], test_set.rows[~test_set.query]
    same: list[tuple[np.ndarray, np.ndarray]] = []
    chance: list[tuple[np.ndarray, np.ndarray]] = []
    for who in np.unique(pool.identity[query]):
        asks, own = query[pool.identity[query] == who], gallery[pool.identity[gallery] == who]
        hidden = protocol.excluded_mask(
            pool.identity[asks], pool.identity[own], camera[asks], camera[own]
        )
        alike = (level.values[asks][:, None] == level.values[own][None, :]) & ~hidden
        drawn = sampling.priorities(
            sampling.splitmix64(
                pool.uid[asks][:, None] ^ sampling.splitmix64(pool.uid[own])[None, :]
            ),
            0,
            "removed",
        )
        drawn[hidden] = np.iinfo(np.uint64).max
        place = np.argsort(np.argsort(drawn, axis=1, kind="stable"), axis=1, kind="stable")
        for removed, out in ((alike, same), (place < alike.sum(axis=1)[:, None], chance)):
            of, at = np.nonzero(removed)
            out.append((asks[of], own[at]))
    groups = {
        "query": TestGroup("query", query),
        "gallery": TestGroup("gallery", gallery),
        **{
            f"removed {what}": TestGroup(
                REMOVED_MATCH,
                np.concatenate([at for _, at in rows]),
                np.concatenate([of for of, _ in rows]),
            )
            for what, rows in (("same level", same), ("random", chance))
        },
    }
    if not len(groups["removed random"].rows):
        raise SplitError(
            f"--without-same-level-matches would remove nothing: the {name} rule already excludes"
            f" all relevant images at the query's own {level.name}. Leave it out."
        )
    removed = len(groups["removed random"].rows)
    size: dict[str, Any] = {"queries": len(query), "gallery": len(gallery), "removed": removed}
    facts = {
        f"self:without-{what.replace(' ', '-')}": LevelTest(
            kind="removal", protocol=name, groups=["query", "gallery", f"removed {what}"], **size
        )
        for what in ("same level", "random")
    }
    return CrossLevelTests(facts, groups)
