"""Shortcuts that reveal a level from the background or the file, and effects of a level on image
statistics."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gprplus.core import sampling
from gprplus.splits.candidates import AttributeCodes, CandidateTable

BINS = 12
MARGIN = 0.1  # of accuracy above chance, from which a shortcut is worth a warning


def sample_rows(
    pool: CandidateTable, rows: np.ndarray, level: AttributeCodes, images: int
) -> np.ndarray:
    """Draw at most about `images` of the rows with a known level: whole identities by priority,
    then their rows."""
    rows = rows[level.values[rows] >= 0]
    counts = np.bincount(pool.identity[rows], minlength=len(pool.identities))
    chosen = np.zeros(len(pool.identities), dtype=bool)
    chosen[sample_identities(pool.identity_keys, counts, images)] = True
    rows = rows[chosen[pool.identity[rows]]]
    if len(rows) <= images:
        return rows
    return np.sort(
        rows[
            sampling.bottom_k(
                sampling.priorities(pool.uid[rows], 0, "audit"), images, pool.uid[rows]
            )
        ]
    )


def sample_identities(keys: np.ndarray, counts: np.ndarray, images: int) -> np.ndarray:
    """Draw identities by priority until they have about `images` images, at least 16 identities;
    `keys` (I,) and `counts` (I,) images are those of all."""
    people = np.flatnonzero(counts)
    order = sampling.bottom_k(sampling.priorities(keys[people], 0, "audit"), len(people), people)
    wanted = max(16, int(np.searchsorted(np.cumsum(counts[people[order]]), images)) + 1)
    return people[order[:wanted]]


def probe_shortcuts(
    features: np.ndarray, level: np.ndarray, person: np.ndarray
) -> dict[str, Any] | None:
    """Return the accuracy of predicting the level `(n,)` from features `(n, k)` alone, on held-out
    identities.

    Naive Bayes on quantile bins with equal priors, fitted on every second identity and tested on
    the others, in both directions. `accuracy` is the mean over levels, so `chance` is one over
    their number; `above` means that it exceeds chance by MARGIN and by three standard errors over
    identities. None if a level has fewer than two identities in a half.
    """
    there = ~np.isnan(features).any(axis=1)
    features, level, person = features[there], level[there], person[there]
    levels, level = np.unique(level, return_inverse=True)
    people, person = np.unique(person, return_inverse=True)
    fold = person % 2
    seen = np.zeros((2, len(levels), len(people)), dtype=bool)
    seen[fold, level, person] = True
    if len(levels) < 2 or seen.sum(axis=2).min() < 2:
        return None
    right = np.zeros(len(level))
    for half in (0, 1):
        score = np.zeros((int((fold != half).sum()), len(levels)))
        for column in features.T:
            edges = np.unique(np.quantile(column[fold == half], np.linspace(0, 1, BINS + 1)[1:-1]))
            place = np.searchsorted(edges, column, side="right")
            counts = np.ones((len(levels), len(edges) + 1))
            np.add.at(counts, (level[fold == half], place[fold == half]), 1)
            score += np.log(counts / counts.sum(axis=1, keepdims=True))[:, place[fold != half]].T
        # A tie is a guess among the best, not a win of the first.
        best = score >= score.max(axis=1, keepdims=True) - 1e-9
        held_out = level[fold != half]
        right[fold != half] = best[np.arange(len(held_out)), held_out] / best.sum(axis=1)
    weight = 1 / np.bincount(level)[level] / len(levels)
    accuracy, chance = float((right * weight).sum()), 1 / len(levels)
    error = float(np.sqrt((np.bincount(person, (right - accuracy) * weight) ** 2).sum()))
    return {
        "accuracy": round(accuracy, 4),
        "chance": round(chance, 4),
        "above": bool(accuracy > chance + max(MARGIN, 3 * error)),
        "images": len(level),
        "identities": len(people),
    }


def level_shifts(
    measures: Mapping[str, np.ndarray], level: np.ndarray, names: Sequence[Any]
) -> dict[str, Any]:
    """Return the effect of each level on each statistic `(n,)`: means, explained share of the
    variance, and overlap.

    `explained` is eta squared, 0-1; `overlap` the minimum, over pairs of levels, of the shared area
    of their histograms over common quantile bins: 0 if two levels never have similar images, 1 if
    all are equal.
    """
    found = {}
    for measure, column in measures.items():
        there = ~np.isnan(column)
        values, codes = column[there], level[there]
        present = np.unique(codes)
        if len(present) < 2:
            continue
        means = np.array([values[codes == code].mean() for code in present])
        sizes = np.array([(codes == code).sum() for code in present])
        spread = float(((values - values.mean()) ** 2).sum())
        between = float((sizes * (means - values.mean()) ** 2).sum())
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 2 * BINS + 1)[1:-1]))
        place = np.searchsorted(edges, values, side="right")
        shares = (
            np.stack(
                [np.bincount(place[codes == code], minlength=len(edges) + 1) for code in present]
            )
            / sizes[:, None]
        )
        common = np.minimum(shares[:, None], shares[None, :]).sum(axis=2)
        first, second = divmod(int(common.argmin()), len(present))
        found[measure] = {
            "means": {
                str(names[code]): round(float(mean), 4)
                for code, mean in zip(present, means, strict=True)
            },
            "explained": round(between / spread, 4) if spread else 0.0,
            "overlap": round(float(common.min()), 4),
            "between": [str(names[present[first]]), str(names[present[second]])],
        }
    return found


def shortcut_sentences(attr: str, probes: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Return one warning on all shortcuts that reveal a level, the worst first."""
    above = {name: found for name, found in probes.items() if found and found["above"]}
    if not above:
        return []
    ranked = sorted(above.items(), key=lambda item: (-item[1]["accuracy"], item[0]))
    chance = ranked[0][1]["chance"]
    if attr == "identity":
        best = ranked[0][1]
        return [
            f"The identity can be predicted from {ranked[0][0]} alone, in"
            f" {100 * best['accuracy']:.0f}% of held-out images (chance {100 * chance:.0f}%):"
            " places or light depend on the identity."
        ]
    text = ", ".join(f"{name} {100 * found['accuracy']:.0f}%" for name, found in ranked)
    return [
        f"The level of {attr} can be predicted for held-out identities from: {text} (chance"
        f" {100 * chance:.0f}%)."
    ]
