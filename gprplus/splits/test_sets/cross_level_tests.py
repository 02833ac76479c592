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
from dataclasses import dataclass
from typing import Any

import numpy as np

from gprplus.core import protocol, sampling
from gprplus.core.errors import SplitError
from gprplus.schema.split_record import LevelTest
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.designs import DesignInput
from gprplus.splits.test_sets.cross_matrix import (
    CrossTotals,
    MatrixFacts,
    cross_slots,
    crossed_levels,
    matrix_groups,
    matrix_slots,
    matrix_tests,
    plan_matrix,
)
from gprplus.splits.test_sets.test_groups import REMOVED_MATCH, CrossLevelTests, TestGroup
from gprplus.splits.test_sets.test_set import TestSet, camera_codes

MOST_ALONE = 64  # levels that are tested each by itself
_PARTS = ("facts", "groups")  # of Tests


def cross_level_tests(
    train: DesignInput, test_set: TestSet, levels: Sequence[Any]
) -> CrossLevelTests:
    """Make the requested tests over the compared `levels` of the arms. Raises SplitError if the
    test set does not allow them.
    """
    request = train.request
    insisted = request.cross_level_tests or request.min_viewpoint_gap_deg is not None
    if insisted or request.without_same_level_matches:
        require_varying(train, has_test=len(test_set.rows) > 0)
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
    return CrossLevelTests(facts, groups, tuple(background_warnings(train) if crossed else ()))


def require_varying(train: DesignInput, *, has_test: bool) -> None:
    """Raise SplitError where a query can have no true match of another level."""
    attr = train.request.attr
    if not has_test:
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
        require_varying(train, has_test=len(test_set.rows) > 0)
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
    present = pool.codes(attr).at(test_set.rows).present()
    groups, counts = level_groups(train, test_set, present)
    facts = level_facts(train, counts)
    used = [name for one in facts.values() for name in one.groups]
    return CrossLevelTests(facts, {name: groups[name] for name in used})


@dataclass(frozen=True)
class LevelTestCounts:
    """Counts of the test of a level: identities and queries that it answers, its gallery, and the
    least and the most true matches of a query."""

    identities: int
    queries: int
    gallery: int
    least: int
    most: int

    def __add__(self, other: "LevelTestCounts") -> "LevelTestCounts":
        answered = [one for one in (self, other) if one.queries]
        return LevelTestCounts(
            self.identities + other.identities,
            self.queries + other.queries,
            self.gallery + other.gallery,
            min((one.least for one in answered), default=0),
            max(self.most, other.most),
        )


def level_groups(
    train: DesignInput, test_set: TestSet, present: np.ndarray
) -> tuple[dict[str, TestGroup], dict[str, LevelTestCounts]]:
    """Return the rows of the test of each level `present` in the test set, and their counts."""
    pool = train.pool
    codes, camera = pool.codes(train.request.attr), camera_codes(pool)[1]
    groups: dict[str, TestGroup] = {}
    counts: dict[str, LevelTestCounts] = {}
    for code in present if len(present) <= MOST_ALONE else ():
        here = codes.values[test_set.rows] == code
        query, gallery = test_set.rows[here & test_set.query], test_set.rows[here & ~test_set.query]
        found = protocol.count_matches(
            pool.identity[query], pool.identity[gallery], camera[query], camera[gallery]
        )
        query, level = query[found > 0], str(codes.levels[code])
        groups[f"query {level}"] = TestGroup("query", query)
        groups[f"gallery {level}"] = TestGroup("gallery", gallery)
        counts[level] = LevelTestCounts(
            len(np.unique(pool.identity[query])),
            len(query),
            len(gallery),
            int(found[found > 0].min()) if len(query) else 0,
            int(found.max(initial=0)),
        )
    return groups, counts


def level_facts(train: DesignInput, counts: Mapping[str, LevelTestCounts]) -> dict[str, LevelTest]:
    """Return the record of the test of each level that has a query."""
    name, _ = camera_codes(train.pool)
    return {
        f"self:{level}>{level}": LevelTest(
            kind="level",
            protocol=name,
            identities=count.identities,
            queries=count.queries,
            gallery=count.gallery,
            matches_per_query=[count.least, count.most],
            query_level=level,
            gallery_level=level,
            groups=[f"query {level}", f"gallery {level}"],
        )
        for level, count in counts.items()
        if count.queries
    }


def background_warnings(train: DesignInput) -> list[str]:
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
    present = train.pool.codes(train.request.attr).at(test_set.rows).present()
    crossed = crossed_levels(train, present, levels)
    slots = matrix_slots(train, test_set.rows, crossed)
    plan = plan_matrix(train, MatrixFacts.of(train, slots))
    made = cross_slots(train, slots, plan)
    facts = matrix_tests(train, crossed, plan, CrossTotals.of(made))
    return CrossLevelTests(facts, matrix_groups(train, crossed, made))


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
