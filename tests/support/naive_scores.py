"""A naive evaluator in exact arithmetic, and adversarial searches for it."""

from fractions import Fraction

import numpy as np

SLACK = Fraction(1, 10**6)  # of |s| + |q| |g|: more than float32 similarities may be off


def naive(search, metric, exact):
    """For each query `(AP, first rank, INP)` with the fewest and with the most wrong rows that may
    rank before each relevant row; None for a query without one. Both are the same where
    similarities are `exact`, and where features are the noise of one point (`exact` None), which is
    a constant.
    """
    if exact is None:
        alike = {
            f"{side}_features": np.ones((len(search[f"{side}_ids"]), 1))
            for side in ("query", "gallery")
        }
        search, exact = search | alike, True
    queries, gallery = (_lengths(search[f"{side}_features"]) for side in ("query", "gallery"))
    return [_one(i, query, gallery, search, metric, exact) for i, query in enumerate(queries)]


def _lengths(features):
    """Rows as fractions, each with its squared length."""
    rows = [[Fraction(float(x)) for x in row] for row in features]
    return [(row, sum(x * x for x in row)) for row in rows]


def _one(i, query, gallery, search, metric, exact):
    relevant, wrong = [], []
    for j, row in enumerate(gallery):
        same = (
            search["query_ids"][i] is not None
            and search["query_ids"][i] == search["gallery_ids"][j]
        )
        if _leaves(search, i, j, same):
            continue
        similar = _similar(query, row, metric)
        (relevant if same else wrong).append(similar)
    if not relevant:
        return None
    both = []
    for sign in (1, -1):
        before = sorted(sum(_precedes(w, m, sign, exact) for w in wrong) for m in relevant)
        ranks = [count + k for k, count in enumerate(before, 1)]
        precision = sum(k / rank for k, rank in enumerate(ranks, 1)) / len(ranks)
        both.append((precision, ranks[0], len(ranks) / ranks[-1]))
    return both


def _leaves(search, i, j, same):
    cameras = search.get("query_cams"), search.get("gallery_cams")
    if (
        same
        and cameras[0] is not None
        and cameras[0][i] is not None
        and cameras[0][i] == cameras[1][j]
    ):
        return True
    if search.get("gallery_junk") is not None and search["gallery_junk"][j]:
        return True
    return search.get("removed") is not None and j in search["removed"][i]


def _similar(query, row, metric):
    """A number that orders as the similarity does and, for bounds, the similarity and what it is
    made of."""
    (query, length), (row, norm) = query, row
    dot = sum(a * b for a, b in zip(query, row, strict=True))
    if metric == "euclidean":
        return 2 * dot - norm, 2 * dot - norm, _root(length * norm) + norm
    squared = (
        dot * abs(dot) / norm if norm else Fraction(0)
    )  # of the cosine, with its sign and times |q|^2
    cosine = Fraction(float(dot) / float(_root(length * norm))) if norm and length else Fraction(0)
    return squared, cosine, Fraction(1)


def _root(value):
    return Fraction(float(value) ** 0.5)


def _precedes(wrong, match, sign, exact):
    if exact:
        return wrong[0] >= match[0]
    return wrong[1] >= match[1] + sign * SLACK * (abs(match[1]) + match[2])


KINDS = (
    "grid",
    "duplicates",
    "zero rows",
    "constant",
    "constant with noise",
    "one long row",
    "mostly long rows",
    "one point and others",
    "huge",
    "tiny",
    "mixed lengths",
    "integers",
    "ordinary",
    "concentrated",
    "offset",
)


def adversarial(seed):
    """A search, its metric, and whether the similarities that follow from its features are
    exact."""
    rng = np.random.default_rng(seed)
    kind, metric = KINDS[seed % len(KINDS)], ("cosine", "euclidean")[seed // len(KINDS) % 2]
    queries, rows, dimensions = (
        int(rng.integers(1, 5)),
        int(rng.integers(1, 50)),
        int(rng.integers(1, 9)),
    )
    features, exact = _features(kind, rng, queries + rows, dimensions, metric)
    identities, cameras = int(rng.choice([1, 2, 4])), int(rng.choice([1, 2, 3]))
    search = {
        "query_features": features[:queries],
        "gallery_features": features[queries:],
        "query_ids": _labels(rng, queries, identities + 1, 0.1),
        "gallery_ids": _labels(rng, rows, identities, 0.2),
    }
    if rng.random() < 0.6:
        search |= {
            "query_cams": _labels(rng, queries, cameras, 0.1),
            "gallery_cams": _labels(rng, rows, cameras, 0.1),
        }
    if rng.random() < 0.5:
        search["gallery_junk"] = (rng.random(rows) < 0.2).tolist()
    if rng.random() < 0.3:
        search["removed"] = [np.flatnonzero(rng.random(rows) < 0.2) for _ in range(queries)]
    return search, metric, exact


def _labels(rng, count, high, unknown):
    return [None if rng.random() < unknown else int(x) for x in rng.integers(0, high, count)]


def _features(kind, rng, count, dimensions, metric):
    grid = rng.integers(-2, 3, (count, dimensions)).astype(np.float32)
    ordinary = rng.normal(size=(count, dimensions)).astype(np.float32)
    one = rng.normal(size=dimensions)
    long = np.where(np.arange(count) == count - 1, 2.0 ** int(rng.integers(10, 60)), 1)[:, None]
    return {
        "grid": lambda: (grid, True),
        "duplicates": lambda: (grid[rng.integers(0, 3, count) % count], True),
        "zero rows": lambda: (grid * (rng.random(count) < 0.5).astype(np.float32)[:, None], True),
        "constant": lambda: (np.tile(one, (count, 1)).astype(np.float32), True),
        "constant with noise": lambda: (
            (one * (1 + 6e-8 * rng.normal(size=(count, dimensions)))).astype(np.float32),
            None,
        ),
        "one long row": lambda: ((grid * long).astype(np.float32), True),
        "mostly long rows": lambda: (
            grid * np.where(rng.random((count, 1)) < 0.7, np.float32(1024), 1),
            metric == "cosine",
        ),
        "one point and others": lambda: (
            np.where(rng.random((count, 1)) < 0.5, grid[:1], grid),
            True,
        ),
        "huge": lambda: (grid * np.float32(2.0**60), True),
        "tiny": lambda: (grid * np.float32(2.0**-70), True),
        "mixed lengths": lambda: (
            (grid * 2.0 ** rng.integers(-90, 90, (count, 1))).astype(np.float32),
            metric == "cosine",
        ),
        "integers": lambda: (grid.astype(np.int64) * rng.integers(1, 4, (count, 1)), True),
        "ordinary": lambda: (ordinary, False),
        "concentrated": lambda: ((one + 1e-2 * ordinary).astype(np.float32), False),
        "offset": lambda: (grid + np.float32(64), True),
    }[kind]()
