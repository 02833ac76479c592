"""The first ranks of a few queries, kept so that the report can show errors of a network.

A dozen queries for each run, selected by a rule: the best, the median and the worst by average
precision, and a random sample by hash that is the same for every arm and seed.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.core import protocol, sampling
from gprplus.evaluation.similarity_search import SimilaritySearch

if TYPE_CHECKING:
    import pyarrow as pa

EACH = 3  # queries a rule
TOP = 8  # ranks of each
RULES = ("best", "median", "worst", "random")


def choose_example_queries(uids: np.ndarray, precision: np.ndarray) -> list[tuple[str, int]]:
    """Return rule and position of the selected queries, of keys `(Q,) uint64` and average
    precisions `(Q,)` (NaN: invalid).

    Equal precisions are sorted by key. With fewer valid queries than the rules select, all are
    "random".

    >>> choose_example_queries(np.arange(5, dtype=np.uint64), np.array([0.1, np.nan, 0.5, 0.9, 0.2]))[0][0]
    'random'
    """
    valid = np.flatnonzero(~np.isnan(precision))
    order = valid[np.lexsort((uids[valid], -precision[valid]))]
    drawn = valid[np.lexsort((uids[valid], sampling.priorities(uids[valid], 0, "ranked")))]
    if len(order) < EACH * len(RULES):
        return [("random", int(place)) for place in drawn]
    middle = (len(order) - EACH) // 2
    parts = (order[:EACH], order[middle : middle + EACH], order[-EACH:], drawn[:EACH])
    return [(rule, int(place)) for rule, part in zip(RULES, parts, strict=True) for place in part]


def top_ranked(
    queries: np.ndarray,
    gallery: np.ndarray,
    ids: tuple[np.ndarray, np.ndarray],
    cameras: tuple[np.ndarray, np.ndarray] | None,
    junk: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return, for each query feature `(K, D)`, the positions of its first TOP gallery rows `(G, D)`
    by cosine, whether each is relevant, and the similarities. Rows that `core.protocol` leaves out
    are left out; wrong rows win ties.
    """
    similarities = 1 - SimilaritySearch(gallery, "cosine").distances(queries) / 2
    of_query, of_gallery = cameras or (None, None)
    gone = protocol.excluded_mask(ids[0], ids[1], of_query, of_gallery, junk)
    found = []
    for like, query, hidden in zip(similarities, ids[0], gone, strict=True):
        match = ids[1] == query
        order = np.lexsort((match, -like, hidden))[: min(TOP, int((~hidden).sum()))]
        found.append((order, match[order], like[order]))
    return found


def ranked_table(
    target: str, rows: "pa.Table", picks: list[tuple[str, int, float]], found: list[Any]
) -> "pa.Table":
    """schema.RANKED of one target: for each pick (rule, row of the query, its AP) the query at rank
    0, then its head.

    `found` holds, for each pick, rows of the gallery, whether they match, and similarities.
    """
    import pyarrow as pa

    lines: list[tuple[Any, ...]] = []
    for (rule, query, precision), (order, match, like) in zip(picks, found, strict=True):
        lines.append((rule, query, query, precision, 0, None, None))
        lines += [
            (rule, query, int(row), precision, rank, bool(right), float(value))
            for rank, (row, right, value) in enumerate(zip(order, match, like, strict=True), 1)
        ]
    rules, queries, images, *facts = (list(column) for column in zip(*lines, strict=True))
    shown = rows.take(pa.array(images, pa.int64()))
    columns = {
        "target": [target] * len(lines),
        "rule": rules,
        "query": rows.column("uid").take(pa.array(queries, pa.int64())),
        **dict(zip(("AP", "rank", "match", "similarity"), facts, strict=True)),
        **{name: shown.column(name) for name in schema.RANKED_IMAGE},
    }
    return schema.conform(pa.table(columns), schema.RANKED)
