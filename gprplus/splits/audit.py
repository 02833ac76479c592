"""What a careful reader checks before believing a split: balance, association, leakage."""

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.errors import SplitError, examples
from gprplus.splits.codes import Codes, Pool
from gprplus.splits.designs import Arm, Plan, Train
from gprplus.splits.sides import TestSide

if TYPE_CHECKING:
    import pyarrow as pa

ASSOCIATED = 0.1  # a Cramer's V from which an association with the arm is worth a warning


def cramers_v(table: np.ndarray) -> float | None:
    """Bias-corrected Cramer's V of a contingency table `(r, c)` of counts; None where one side has a single level.

    Bergsma, "A bias-correction for Cramer's V and Tschuprow's T", 2013: phi2 loses its expectation under independence,
    (r-1)(c-1)/(n-1), and the numbers of levels shrink alike.

    >>> cramers_v(np.array([[10, 10], [10, 10]]))
    0.0
    >>> cramers_v(np.array([[50, 0], [0, 50]]))
    1.0
    """
    counts = np.asarray(table, dtype=np.float64)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    rows, columns = counts.shape
    n = counts.sum()
    if min(rows, columns) < 2 or n < 2:
        return None
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    phi2 = max(0.0, float(((counts - expected) ** 2 / expected).sum() / n) - (rows - 1) * (columns - 1) / (n - 1))
    width = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return round(min(1.0, float(np.sqrt(phi2 / width))), 6) if width > 0 else None


def audit(train: Train, plan: Plan, side: TestSide) -> tuple[dict[str, Any], list[str]]:
    """The audit of a split as JSON, and its warnings as sentences.

    Raises SplitError where persons or files stand on both sides.
    """
    pool = train.pool
    counts = {name: _counts(pool, arm.rows) for name, arm in plan.arms.items()}
    with_arm = _arm_association(pool, plan, counts, plan.about or (train.request.attr,))
    warnings = _leanings(train, plan, with_arm)
    return {
        "matched_within": list(plan.strata),
        "matching": dict(plan.matching),
        "arms": {name: _described(pool, found) for name, found in counts.items()},
        "association_with_arm": with_arm,
        "association": _pairs(pool, train.rows),
        "aliases": [{"attribute": a.name, "of": list(a.of), "declared": a.declared} for a in train.relations.aliases],
        "test": _described_test(pool, side),
        "leakage": leakage(pool, plan.arms, side),
        "left_out": dict(pool.left_out),
    }, warnings


def _counts(pool: Pool, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of each level of each attribute that is known anywhere; identity under its own name."""
    persons = np.bincount(pool.person[rows], minlength=len(pool.persons))
    found = {"identity": persons}
    for name, codes in pool.images.items():
        if codes.levels:
            found[name] = np.bincount(codes.values[rows] + 1, minlength=len(codes.levels) + 1)
    for name, codes in pool.traits.items():
        if codes.levels:
            weighted = np.bincount(codes.values + 1, weights=persons, minlength=len(codes.levels) + 1)
            found[name] = weighted.astype(np.int64)
    return found


def _levels(codes: Codes, counts: np.ndarray) -> dict[str, int]:
    named = {str(level): int(count) for level, count in zip(codes.levels, counts[1:], strict=True) if count}
    return {**named, "unknown": int(counts[0])} if counts[0] else named


def _described(pool: Pool, counts: Mapping[str, np.ndarray]) -> dict[str, Any]:
    per_person = counts["identity"][counts["identity"] > 0]
    both = {**pool.images, **pool.traits}
    return {
        "images_per_identity": {
            "min": int(per_person.min()),
            "median": float(np.median(per_person)),
            "max": int(per_person.max()),
        },
        "levels": {name: _levels(both[name], found) for name, found in counts.items() if name != "identity"},
    }


def _described_test(pool: Pool, side: TestSide) -> dict[str, Any]:
    queries = _counts(pool, side.rows[side.query])
    return {
        "query_levels": {name: _levels(codes, queries[name]) for name, codes in pool.images.items() if codes.levels},
        "excluded_queries": {
            "count": len(side.excluded),
            "reason": f"nothing in the gallery answers them under the {side.protocol} rule",
            "examples": [pool.path[int(row)].as_py() for row in side.excluded[:3]],
        },
    }


def _arm_association(
    pool: Pool, plan: Plan, counts: Mapping[str, Mapping[str, np.ndarray]], about: tuple[str, ...]
) -> dict[str, float | None]:
    """Cramer's V of arm x attribute over the compared arms; 0 where matching worked, None where there is one level.

    What belongs to persons is counted in persons: their images are no independent evidence of it.
    """
    if len(plan.compared) < 2:
        return {}
    found = {}
    for name in counts[plan.compared[0]]:
        tables = [counts[arm][name] for arm in plan.compared]
        if name in pool.traits:
            trait = pool.traits[name]
            there = [counts[arm]["identity"] > 0 for arm in plan.compared]
            tables = [np.bincount(trait.values[mask] + 1, minlength=len(trait.levels) + 1) for mask in there]
        if name not in about:
            found[name] = cramers_v(np.stack(tables))
    return found


def _leanings(train: Train, plan: Plan, with_arm: Mapping[str, float | None]) -> list[str]:
    """One sentence on what the arms differ in beside the attribute, strongest first.

    Arms that are meant to have different persons are not blamed for it, nor is an attribute that is known to be tied.
    """
    excused = set().union(*(train.relations.tied(attr) for attr in plan.about or (train.request.attr,)))
    if plan.design != "only":
        excused |= {"identity"}
    if plan.design == "identity":
        excused |= set(train.pool.traits)
    leaning = {name: v for name, v in with_arm.items() if v is not None and v >= ASSOCIATED and name not in excused}
    if not leaning:
        return []
    ranked = [f"{name} {v:.2f}" for name, v in sorted(leaning.items(), key=lambda pair: (-pair[1], pair[0]))]
    return [f"The arms differ in more than {train.request.attr} (Cramer's V with the arm: {examples(ranked, 5)})."]


def _pairs(pool: Pool, train: np.ndarray) -> dict[str, float | None]:
    """Cramer's V of each pair of attributes over the train rows."""
    images = {name: codes.at(train) for name, codes in pool.images.items() if len(codes.levels) > 1}
    traits = {name: codes for name, codes in pool.traits.items() if len(codes.levels) > 1}
    person = pool.person[train]
    people = np.bincount(person, minlength=len(pool.persons)) > 0
    found = {}
    for first, second in combinations(images.values(), 2):
        found[f"{first.name}, {second.name}"] = cramers_v(_crossed(first, second.values, len(second.levels)))
    for image in images.values():
        by_person = _crossed(
            Codes("identity", person, tuple(range(len(pool.persons)))), image.values, len(image.levels)
        )
        for name, trait in traits.items():
            table = np.stack([by_person[trait.values == code].sum(axis=0) for code in range(len(trait.levels))])
            found[f"{image.name}, {name}"] = cramers_v(table)
    for first, second in combinations(traits.values(), 2):
        one, two = Codes(first.name, first.values[people], first.levels), second.values[people]
        found[f"{first.name}, {second.name}"] = cramers_v(_crossed(one, two, len(second.levels)))
    return found


def _crossed(first: Codes, second: np.ndarray, width: int) -> np.ndarray:
    """Counts of two code arrays against each other, `(levels of first, width)`; unknown ones left out."""
    known = (first.values >= 0) & (second >= 0)
    one, two = (first.values, second) if known.all() else (first.values[known], second[known])
    size = len(first.levels) * width
    return np.bincount(one.astype(np.int64) * width + two, minlength=size).reshape(len(first.levels), width)


def leakage(pool: Pool, arms: Mapping[str, Arm], side: TestSide) -> dict[str, int | None]:
    """Persons and files on both sides. There must be none: SplitError. Digests that nobody read give None."""
    trained = np.zeros(len(pool), dtype=bool)
    for arm in arms.values():
        trained[arm.rows] = True
    sides = (
        np.bincount(pool.person[rows], minlength=len(pool.persons)) for rows in (np.flatnonzero(trained), side.rows)
    )
    shared = np.flatnonzero(np.logical_and(*sides))
    if len(shared):
        names = [pool.persons[code][1] for code in shared]
        raise SplitError(
            f"{len(shared):,} identities stand on both sides: {examples(names)}. This is a mistake of gprplus; report "
            "it."
        )
    digests = pool.paths.column("digest")
    if digests.null_count == len(digests):
        return {"identities": 0, "digests": None}
    _refuse_shared_files(pool, digests, np.flatnonzero(trained), side.rows)
    return {"identities": 0, "digests": 0}


def _refuse_shared_files(pool: Pool, digests: "pa.ChunkedArray", train: np.ndarray, test: np.ndarray) -> None:
    import pyarrow.compute as pc

    ours, theirs = digests.take(train), digests.take(test)
    twice = pc.and_kleene(pc.is_valid(theirs), pc.is_in(theirs, ours.combine_chunks()))
    if pc.any(twice).as_py():
        paths = pool.paths.column("path").take(test).filter(twice).to_pylist()
        raise SplitError(
            f"{len(paths):,} test images are byte for byte images of the train side, under other identities: "
            f"{examples(paths)}. "
            "Put the identities right, or leave these images out with --where."
        )
