"""Content of the arms, differences between arms, and association of attributes in the train set."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from gprplus.core import sampling
from gprplus.splits.audit.association import (
    cramers_v,
    cramers_v_within,
    gini_impurity,
    mutual_information,
    mutual_information_within,
    permutation_null,
    standardize,
)
from gprplus.splits.audit.counts import JointTable, LevelCounts, cross_codes
from gprplus.splits.candidates import AttributeCodes, CandidateTable
from gprplus.splits.designs import ArmSet, DesignInput

SAMPLE = 128  # identities used to estimate associations within identities


def describe_arms(counted: LevelCounts, factors: Sequence[str]) -> dict[str, Any]:
    """Count the images of each identity, of each level and of each cell of `factors` in one arm."""
    pool, persons = counted.pool, counted.identities[counted.identities > 0]
    known = {**pool.images, **pool.identity_attributes}
    found = {
        "images_per_identity": {**_spread(persons), "gini": gini_impurity(persons)},
        "levels": {
            name: level_table(codes, counted.margin(name))
            for name, codes in known.items()
            if codes.levels
        },
    }
    crossing = [name for name in factors if name in counted.joint.names]
    if crossing:
        cells = counted.crossing(crossing)
        present = [int(np.count_nonzero(counted.margin(name))) for name in crossing]
        filled = cells[cells > 0]
        found["cells"] = {
            "factors": crossing,
            "cells": int(np.prod(present)),
            "filled": len(filled),
            **_spread(filled),
        }
    return found


def _spread(sizes: np.ndarray) -> dict[str, Any]:
    return {"min": int(sizes.min()), "median": float(np.median(sizes)), "max": int(sizes.max())}


def level_table(codes: AttributeCodes, counts: np.ndarray) -> dict[str, int]:
    """Counts `(L + 1,)` by the name of the level; levels without rows are left out."""
    named = {
        str(level): int(count)
        for level, count in zip(codes.levels, counts[1:], strict=True)
        if count
    }
    return {**named, "unknown": int(counts[0])} if counts[0] else named


def arm_tables(
    pool: CandidateTable, arms: Sequence[LevelCounts], about: Sequence[str]
) -> dict[str, np.ndarray]:
    """Count the arms by level, `(A, L + 1)`, unknown first, for each attribute except those they
    are `about`, and for identity.

    Identity attributes are counted by identity: the images of one identity are not independent.
    """
    names = [
        name
        for name, codes in {**pool.images, **pool.identity_attributes}.items()
        if codes.levels and name not in about
    ]
    tables = (
        {"identity": np.stack([arm.identities for arm in arms])} if "identity" not in about else {}
    )
    for name in names:
        if name in pool.identity_attributes:
            tables[name] = np.stack(
                [
                    arm.of_identity_attribute(name, arm.identities > 0).astype(np.int64)
                    for arm in arms
                ]
            )
        else:
            tables[name] = np.stack([arm.margin(name) for arm in arms])
    return tables


def level_differences(
    pool: CandidateTable, names: Sequence[str], tables: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Any] | None]:
    """Return for each attribute the level with the largest difference of two arms, in sd; None with
    a single level.

    `largest` is null where one arm has the level in every image and another in none.
    """
    known: dict[str, Sequence[Any]] = {
        name: ("unknown", *codes.levels)
        for name, codes in {**pool.images, **pool.identity_attributes}.items()
    }
    found: dict[str, dict[str, Any] | None] = {}
    for name, table in tables.items():
        if name == "identity":
            continue
        if np.count_nonzero(table.sum(axis=0)) < 2:
            found[name] = None
            continue
        shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        gaps, between = standardize(shares)
        worst = int(gaps.argmax())
        if not gaps[worst]:
            found[name] = {"largest": 0.0}
            continue
        first, second = between[worst]
        found[name] = {
            "largest": round(float(gaps[worst]), 4) if np.isfinite(gaps[worst]) else None,
            "level": str(known[name][worst]),
            "between": [names[first], names[second]],
            "shares": [
                round(float(shares[first, worst]), 4),
                round(float(shares[second, worst]), 4),
            ],
        }
    return found


def attribute_pairs(
    train: DesignInput,
    counted: LevelCounts,
    per_person: Mapping[str, np.ndarray],
    within: "SampledIdentities",
) -> dict[str, dict[str, float | None]]:
    """Return Cramer's V and mutual information of each pair of attributes in the train set, by
    statistic.

    Pairs of image attributes are also computed given identity, on the images of at most SAMPLE
    identities. An attribute that is one to one with another has the same values. `association_p` is
    the permutation p value of V if V is above 0, over images for two image attributes, over
    identities for two identity attributes; images of one identity are not independent, so pairs of
    the two kinds have none.
    """
    pool = train.pool
    equivalents = train.relations.equivalents()
    images = [name for name, codes in pool.images.items() if len(codes.levels) > 1]
    traits = [name for name, codes in pool.identity_attributes.items() if len(codes.levels) > 1]
    found: dict[str, dict[str, float | None]] = {"association": {}, "information": {}}
    given: dict[str, dict[str, float | None]] = {
        "association_given_identity": {},
        "information_given_identity": {},
    }
    seen: dict[frozenset[str], tuple[float | None, ...]] = {}
    rng = np.random.default_rng(sampling.hash64("association"))
    chance: dict[str, float | None] = {}
    for one, two in combinations(images, 2):
        first, second = equivalents.get(one, one), equivalents.get(two, two)
        pair = frozenset((first, second))
        if first == second:
            seen[pair] = (1.0, 1.0, *((1.0, 1.0) if within.varies(first) else (None, None)))
        elif pair not in seen:
            table, cube = counted.table(first, second), within.table(first, second)
            seen[pair] = (
                cramers_v(table),
                mutual_information(table),
                cramers_v_within(cube),
                mutual_information_within(cube),
            )
        name = f"{one}, {two}"
        (
            found["association"][name],
            found["information"][name],
            given["association_given_identity"][name],
            given["information_given_identity"][name],
        ) = seen[pair]
        if first != second and found["association"][name]:
            chance[name] = permutation_null(counted.table(first, second), rng)
    people = counted.identities > 0
    tables = {
        f"{image}, {name}": _by_level(pool.identity_attributes[name], per_person[image])
        for image in images
        for name in traits
    }
    for one, two in combinations(traits, 2):
        left, right = (pool.identity_attributes[name].values[people] + 1 for name in (one, two))
        shape = (
            len(pool.identity_attributes[one].levels) + 1,
            len(pool.identity_attributes[two].levels) + 1,
        )
        tables[f"{one}, {two}"] = cross_codes(left, right, shape)[1:, 1:]
        if cramers_v(tables[f"{one}, {two}"]):
            chance[f"{one}, {two}"] = permutation_null(tables[f"{one}, {two}"], rng)
    for name, table in tables.items():
        found["association"][name], found["information"][name] = (
            cramers_v(table),
            mutual_information(table),
        )
    return {**found, **given, "association_p": chance}


def chance_of_pairs(
    tables: Mapping[str, np.ndarray], with_arm: Mapping[str, float | None]
) -> dict[str, float]:
    """The permutation p of each association with the arm that is above 0."""
    rng = np.random.default_rng(sampling.hash64("association with the arm"))
    return {name: permutation_null(tables[name], rng) for name, value in with_arm.items() if value}


def _by_level(trait: AttributeCodes, by_person: np.ndarray) -> np.ndarray:
    """Sum the rows of each level of an identity attribute and of an image attribute from those of
    each identity."""
    return np.stack(
        [by_person[trait.values == code, 1:].sum(axis=0) for code in range(len(trait.levels))]
    )


def sampled_identities(keys: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return at most SAMPLE of the identities `there` (n,), drawn by priority; `keys` (I,) are those
    of all."""
    order = sampling.priorities(keys[there], 0, "audit")
    return there[sampling.bottom_k(order, SAMPLE, there)]


class SampledIdentities:
    """Pairs of levels within each of a few identities, `chosen` (n,), of the rows of a pool."""

    def __init__(self, pool: CandidateTable, rows: np.ndarray, chosen: np.ndarray) -> None:
        flags = np.zeros(len(pool.identities), dtype=bool)
        flags[chosen] = True
        self.pool, self.rows = pool, rows[flags[pool.identity[rows]]]
        _, self.identity = np.unique(pool.identity[self.rows], return_inverse=True)

    def varies(self, name: str) -> bool:
        """Return whether an identity has images at more than one level."""
        values = self.pool.images[name].values[self.rows]
        return bool((np.diff(values)[np.diff(self.identity) == 0] != 0).any())

    def table(self, first: str, second: str) -> np.ndarray:
        """Return the rows `(S, r, c)` of each identity and pair of levels."""
        one, two = (self.pool.images[name] for name in (first, second))
        wide = len(two.levels) + 1
        shape = (int(self.identity.max(initial=0)) + 1) * (len(one.levels) + 1), wide
        packed = self.identity * (len(one.levels) + 1) + one.values[self.rows] + 1
        return cross_codes(packed, two.values[self.rows] + 1, shape).reshape(
            -1, len(one.levels) + 1, wide
        )[:, 1:, 1:]


def nested_pairs(counted: LevelCounts, per_person: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return for each image attribute the share of identities with several images that have only
    one level of it."""
    several = counted.identities > 1
    if not several.any():
        return {}
    return {
        name: round(float((np.count_nonzero(table[several], axis=1) == 1).mean()), 6)
        for name, table in per_person.items()
    }


def joint_names(joint: JointTable, plan: ArmSet, about: Sequence[str]) -> list[str]:
    """The factors whose combinations are the cells of an arm: those matched on, and what the arms
    are about."""
    return [name for name in dict.fromkeys((*about, *plan.strata)) if name in joint.names]
