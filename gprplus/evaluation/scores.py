"""The one public way from features to scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import protocol
from gprplus.errors import ScoreError, examples, nearest
from gprplus.evaluation import metrics
from gprplus.evaluation.ranks import Device, Host, Wanted
from gprplus.evaluation.rerank import Rerank, Reranked

if TYPE_CHECKING:
    import torch

METRICS = ("cosine", "euclidean")


@dataclass(frozen=True)
class PerQuery:
    """One entry a query:

    `valid (Q,) bool`, `AP (Q,) float64` and `inp (Q,) float64` (NaN where not valid), `first_match_rank (Q,) int64`
    (from 1; 0 where not valid).
    """

    valid: np.ndarray
    AP: np.ndarray
    first_match_rank: np.ndarray
    inp: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Means over the valid queries, 0-1:

    `mAP`, `cmc (50,) float64` with rank-1 at `cmc[0]`, `mINP`; and what they are means of.
    """

    mAP: float
    cmc: np.ndarray
    mINP: float
    per_query: PerQuery

    @property
    def queries(self) -> int:
        """How many queries are valid: have a true match to be found."""
        return int(self.per_query.valid.sum())

    def summary(self) -> dict[str, float | int]:
        """The scores that tables hold, by column name."""
        ranks = {f"rank{k}": float(self.cmc[k - 1]) for k in (1, 5, 10)}
        return {"mAP": self.mAP, **ranks, "mINP": self.mINP, "queries": self.queries}


def score(
    query_features: "np.ndarray | torch.Tensor",
    gallery_features: "np.ndarray | torch.Tensor",
    query_ids: Sequence[Any] | np.ndarray,
    gallery_ids: Sequence[Any] | np.ndarray,
    query_cams: Sequence[Any] | np.ndarray | None = None,
    gallery_cams: Sequence[Any] | np.ndarray | None = None,
    *,
    gallery_junk: Sequence[bool] | np.ndarray | None = None,
    metric: str = "cosine",
    ap: str = "step",
    block_rows: int | None = None,
    rerank: Rerank | None = None,
    removed: Sequence[np.ndarray] | None = None,
) -> Scores:
    """Exact mAP, CMC and mINP of `(Q, D)` query features searched in `(G, D)` gallery features.

    Features are NumPy arrays or torch tensors on any device; identities and cameras numbers or strings. An identity
    of None matches nobody (a distractor), a camera of None hides nothing. Which rows count is `gprplus.protocol`'s
    rule: gallery rows of the query's identity and camera leave the ranking, junk leaves every ranking, queries left
    without a true match are counted but not averaged. At equal similarity wrong matches rank first. `ap` is "step" or
    "trapezoid"; `metric` "cosine" or "euclidean"; `rerank`, such as `Rerank()`, re-ranks by k-reciprocal neighbours
    first (junk is left out of the neighbourhoods, as where loaders drop it). `removed` names, query by query, positions
    of gallery rows that leave that query's ranking alone. Memory beyond the features: one block of similarities (48
    MiB; 512 MiB on a GPU; `block_rows` queries at a time when given) and under 100 bytes a row; float32 features are
    not copied. Raises ScoreError when the arguments do not belong together or no query is valid.

    >>> features = np.eye(3, dtype=np.float32)
    >>> score(features[:1], features, ["a"], ["b", "a", "c"]).mAP
    0.3333333333333333
    """
    if ap not in metrics.AP:
        raise ScoreError(f"There is no form of average precision called '{ap}'. {nearest(ap, metrics.AP)}")
    if metric not in METRICS:
        raise ScoreError(f"There is no metric called '{metric}'. {nearest(metric, METRICS)}")
    if block_rows is not None and block_rows < 1:
        raise ScoreError(f"block_rows must be at least 1, found {block_rows}.")
    queries, gallery = _features(query_features, "query"), _features(gallery_features, "gallery")
    if queries.shape[1] != gallery.shape[1]:
        raise ScoreError(
            f"Query features have {queries.shape[1]} dimensions, gallery features {gallery.shape[1]}: "
            "they come from different networks."
        )
    if removed is not None and (rerank or len(removed) != len(queries)):
        raise ScoreError(
            "Rows that leave single rankings are named once a query, and have no place in re-ranking: leave out "
            f"rerank, or give {len(queries):,} arrays (found {len(removed):,})."
        )
    truth = _truth(query_ids, gallery_ids, query_cams, gallery_cams, gallery_junk, len(queries), len(gallery))
    if rerank:
        gallery, truth = _without_junk(gallery, *truth)
    order, wanted = _wanted(*truth, removed)
    if not len(order):
        raise ScoreError(
            f"None of the {len(queries):,} queries has a true match to be found: "
            "no gallery row has its identity and another camera. "
            "Check that identities are spelled alike on both sides and that not everything has one camera."
        )
    product, queries = _product(queries, gallery, metric, rerank)
    found = list(product.ranks(queries, order, wanted, block_rows or product.rows))
    return _scores(len(queries), order, found, ap)


def _features(features: Any, side: str) -> Any:
    """Features as a `(N, D)` float array, or as a float32 tensor where they lie on an accelerator; checked."""
    if hasattr(features, "detach"):
        features = features.detach()
        features = features.float() if features.dtype.itemsize < 4 or not features.is_floating_point() else features
        if features.device.type == "cpu":
            features = features.numpy()
    else:
        features = np.asarray(features)
    if features.ndim != 2 or not features.shape[1]:
        raise ScoreError(
            f"{side.capitalize()} features must be (rows, dimensions), found the shape {tuple(features.shape)}."
        )
    if not len(features):
        raise ScoreError(f"There are no {side} features.")
    if isinstance(features, np.ndarray):
        features = features if features.dtype in (np.float32, np.float64) else features.astype(np.float32)
        finite = np.isfinite(features.sum(axis=1, dtype=np.float64))
    else:
        finite = features.sum(1).isfinite().cpu().numpy()
    if not finite.all():
        broken = np.flatnonzero(~finite)
        raise ScoreError(f"{len(broken):,} {side} features hold NaN or infinity (row {examples(broken.tolist())}).")
    return features


def _product(queries: Any, gallery: Any, metric: str, rerank: Rerank | None) -> tuple[Any, Any]:
    """The kind of search that suits where the gallery lies, and the queries in its terms."""
    if isinstance(gallery, np.ndarray):
        queries = queries if isinstance(queries, np.ndarray) else queries.cpu().numpy()
        queries = queries.astype(gallery.dtype, copy=False)
    else:
        import torch

        gallery, queries = gallery.float(), torch.as_tensor(queries).float().to(gallery.device)
    if rerank:
        return Reranked(queries, gallery, metric, rerank), queries
    kind = Host if isinstance(gallery, np.ndarray) else Device
    return kind(gallery, metric), queries


def _without_junk(
    gallery: Any,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cams: np.ndarray | None,
    gallery_cams: np.ndarray | None,
    junk: np.ndarray | None,
) -> tuple[Any, Any]:
    """A gallery and its truth with the junk rows gone."""
    if junk is None or not junk.any():
        return gallery, (query_ids, gallery_ids, query_cams, gallery_cams, None)
    kept = np.flatnonzero(~junk)
    cams = None if gallery_cams is None else gallery_cams[kept]
    return gallery[kept], (query_ids, gallery_ids[kept], query_cams, cams, None)


def _truth(
    query_ids: Any, gallery_ids: Any, query_cams: Any, gallery_cams: Any, junk: Any, queries: int, gallery: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Identities, cameras and junk as integer codes and flags, lengths checked."""
    if (query_cams is None) != (gallery_cams is None):
        raise ScoreError("Cameras are given for one side only; give both query_cams and gallery_cams, or neither.")
    for name, values, rows, side in (
        ("query_ids", query_ids, queries, "query"),
        ("gallery_ids", gallery_ids, gallery, "gallery"),
        ("query_cams", query_cams, queries, "query"),
        ("gallery_cams", gallery_cams, gallery, "gallery"),
        ("gallery_junk", junk, gallery, "gallery"),
    ):
        if values is not None and len(values) != rows:
            raise ScoreError(f"{name} has {len(values):,} entries for {rows:,} {side} features.")
    ids = _codes(query_ids, gallery_ids, "identities", unknown=(-1, -2))
    if query_cams is None:
        return *ids, None, None, _flags(junk)
    return *ids, *_codes(query_cams, gallery_cams, "cameras", (protocol.NO_CAMERA,) * 2), _flags(junk)


def _flags(junk: Any) -> np.ndarray | None:
    return None if junk is None else np.asarray(junk).astype(bool)


def _codes(query: Any, gallery: Any, what: str, unknown: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers or strings as shared `int64` codes; None and NaN get the `unknown` code of their side."""
    import pandas as pd

    sides = [pd.Series(np.asarray(values).tolist(), dtype=object) for values in (query, gallery)]
    kinds = [{"text" if isinstance(value, str) else "number" for value in side.dropna().unique()} for side in sides]
    if len(kinds[0] | kinds[1]) > 1:
        raise ScoreError(
            f"The {what} of queries and gallery cannot be compared: some are text, some are numbers "
            f"({examples(sides[0].tolist(), 2)} against {examples(sides[1].tolist(), 2)})."
        )
    codes, _ = pd.factorize(pd.concat(sides, ignore_index=True), sort=False)
    split = [codes[: len(sides[0])].astype(np.int64), codes[len(sides[0]) :].astype(np.int64)]
    return tuple(np.where(part < 0, code, part) for part, code in zip(split, unknown, strict=True))  # type: ignore[return-value]


def _wanted(
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cams: np.ndarray | None,
    gallery_cams: np.ndarray | None,
    junk: np.ndarray | None,
    removed: Sequence[np.ndarray] | None = None,
) -> tuple[np.ndarray, list[Wanted]]:
    """The valid queries, identity after identity, and what each asks of its row.

    The rule is asked once an identity, about that identity's own queries and gallery rows only: other identities'
    rows leave a ranking only as junk.
    """
    by_id = np.argsort(gallery_ids, kind="stable")
    sorted_ids = gallery_ids[by_id]
    junk_columns = np.flatnonzero(junk) if junk is not None else np.empty(0, dtype=np.int64)
    order: list[int] = []
    wanted: list[Wanted] = []
    queries_by_id = np.argsort(query_ids, kind="stable")
    for same in np.split(queries_by_id, np.flatnonzero(np.diff(query_ids[queries_by_id])) + 1):
        identity = query_ids[same[0]]
        low, high = np.searchsorted(sorted_ids, [identity, identity + 1])
        own = by_id[low:high]
        ignored = protocol.ignored(
            query_ids[same],
            gallery_ids[own],
            None if query_cams is None else query_cams[same],
            None if gallery_cams is None else gallery_cams[own],
            None if junk is None else junk[own],
        )
        struck = np.concatenate([own, junk_columns])
        for query, hidden in zip(same, ignored, strict=True):
            gone = removed[query] if removed is not None else own[:0]
            hidden = hidden | np.isin(own, gone)
            if not hidden.all():
                order.append(query)
                wanted.append(Wanted(own[~hidden], np.union1d(struck, gone) if len(gone) else struck))
    return np.array(order, dtype=np.int64), wanted


def _scores(queries: int, order: np.ndarray, found: Sequence[np.ndarray], ap: str) -> Scores:
    """Metrics from the ranks of the valid queries' true matches, laid back into the order the queries came in."""
    ranks = np.concatenate(found)
    counts = np.array([len(one) for one in found])
    valid = np.zeros(queries, dtype=bool)
    valid[order] = True

    def laid_back(values: np.ndarray, absent: float) -> np.ndarray:
        out = np.full(queries, absent, dtype=values.dtype)
        out[order] = values
        return out

    precision = laid_back(metrics.AP[ap](ranks, counts), np.nan)
    first = laid_back(metrics.first_match(ranks, counts), 0)
    inp = laid_back(metrics.inverse_negative_penalty(ranks, counts), np.nan)
    return Scores(
        mAP=float(precision[valid].mean()),
        cmc=metrics.cmc(first[valid]),
        mINP=float(inp[valid].mean()),
        per_query=PerQuery(valid, precision, first, inp),
    )
