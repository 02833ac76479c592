"""Scores of features: mAP, CMC and mINP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.errors import ScoreError, first_few
from gprplus.core.html import html_table
from gprplus.core.options import accepts, combined
from gprplus.evaluation import metrics
from gprplus.evaluation.ground_truth import GroundTruth
from gprplus.evaluation.options import ScoringOptions
from gprplus.evaluation.rerank import RerankedSearch, RerankOptions
from gprplus.evaluation.similarity_search import (
    SimilaritySearch,
    multiplies_coarsely,
    squared_norms,
)

if TYPE_CHECKING:
    import torch

_RANGE = 1e30  # squared norms between this and one over it multiply safely in float32


@dataclass(frozen=True)
class PerQuery:
    """Scores of each query.

    Attributes:
        valid: `(Q,) bool`, whether the gallery has a relevant image.
        AP: `(Q,) float64`, average precision; NaN if not valid.
        first_match_rank: `(Q,) int64`, rank of the first relevant image, from 1; 0 if not valid.
        inp: `(Q,) float64`, inverse negative penalty; NaN if not valid.
    """

    valid: np.ndarray
    AP: np.ndarray
    first_match_rank: np.ndarray
    inp: np.ndarray


@dataclass(frozen=True, repr=False)
class Scores:
    """Scores of a test set, as means over its valid queries (0-1).

    Attributes:
        mAP: Mean average precision.
        cmc: `(50,) float64`, the share of queries with a relevant image among the first k; rank-1
            is `cmc[0]`.
        mINP: Mean inverse negative penalty.
        per_query: The values of each query.
    """

    mAP: float
    cmc: np.ndarray
    mINP: float
    per_query: PerQuery

    @property
    def queries(self) -> int:
        """Return the number of valid queries: those with a true match in the gallery."""
        return int(self.per_query.valid.sum())

    def summary(self) -> dict[str, float | int]:
        """The scores that tables hold, by column name."""
        ranks = {f"rank{k}": float(self.cmc[k - 1]) for k in (1, 5, 10)}
        return {"mAP": self.mAP, **ranks, "mINP": self.mINP, "queries": self.queries}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} {value}" for name, value in self._percent().items())
        return (
            f"Scores over {self.queries:,} {'query' if self.queries == 1 else 'queries'}: {shown}"
        )

    def _repr_html_(self) -> str:
        percent = self._percent()
        return html_table([*percent, "queries"], [[*map(float, percent.values()), self.queries]])

    def _percent(self) -> dict[str, str]:
        """The scores in per cent, as they are shown."""
        values = {**{f"rank-{k}": self.cmc[k - 1] for k in (1, 5, 10)}, "mINP": self.mINP}
        return {name: f"{100 * value:.1f}" for name, value in {"mAP": self.mAP, **values}.items()}


@accepts(ScoringOptions)
def score_arrays(
    query_features: "np.ndarray | torch.Tensor",
    gallery_features: "np.ndarray | torch.Tensor",
    query_ids: Sequence[Any] | np.ndarray,
    gallery_ids: Sequence[Any] | np.ndarray,
    query_cams: Sequence[Any] | np.ndarray | None = None,
    gallery_cams: Sequence[Any] | np.ndarray | None = None,
    options: ScoringOptions | None = None,
    **changes: Any,
) -> Scores:
    """Exact mAP, CMC and mINP of `(Q, D)` query features searched in `(G, D)` gallery features.

    Features are NumPy arrays or torch tensors on any device; identities and cameras numbers or
    strings. An identity of None is a distractor that matches no query, a camera of None excludes
    nothing. `gprplus.core.protocol` has the rule: gallery rows with identity and camera of the
    query are excluded, junk is excluded for every query, queries without a true match are counted
    but not averaged. At equal similarity wrong matches rank first.

    Memory beyond the features: one block of similarities (64 MiB; 512 MiB on a GPU) with its
    queries, a piece of the gallery if its features are concentrated (40 MiB), under 150 bytes for a
    row and 50 for a true match of a query; features are not copied completely unless their norms
    exceed the range of float32. Raises ScoreError if the arguments do not fit together or no query
    is valid.

    Args:
        query_features, gallery_features: `(Q, D)` and `(G, D)`.
        query_ids, gallery_ids: the identity of each row.
        query_cams, gallery_cams: the camera of each row; by default none.
        options: all options at once; the keywords below change single fields of it.

    Example:

    >>> features = np.eye(3, dtype=np.float32)
    >>> score_arrays(features[:1], features, ["a"], ["b", "a", "c"]).mAP
    0.3333333333333333
    """
    given = combined(ScoringOptions, options, changes, "score_arrays")
    rerank, removed = given.rerank, given.removed
    queries, gallery = (
        _FeatureMatrix.of(query_features, "query"),
        _FeatureMatrix.of(gallery_features, "gallery"),
    )
    if queries.features.shape[1] != gallery.features.shape[1]:
        raise ScoreError(
            f"Query features have {queries.features.shape[1]} dimensions, gallery features "
            f"{gallery.features.shape[1]}: they come from different networks."
        )
    sizes = len(queries.features), len(gallery.features)
    if removed is not None and (rerank or len(removed) != sizes[0]):
        raise ScoreError(
            "removed (gallery rows left out of single rankings) needs one array for each query, and "
            f"excludes rerank: give {sizes[0]:,} arrays and no rerank (found {len(removed):,})."
        )
    truth = GroundTruth.of(
        query_ids, gallery_ids, query_cams, gallery_cams, given.gallery_junk, sizes
    )
    if rerank:
        truth, kept = truth.without_junk()
        gallery = (
            gallery if kept is None else _FeatureMatrix(gallery.features[kept], gallery.norms[kept])
        )
    order, wanted = truth.relevance(removed)
    if not len(order):
        raise ScoreError(
            f"None of the {sizes[0]:,} queries has a true match: "
            "no gallery row has its identity and another camera. "
            "Check that identities are spelled alike in query and gallery and that cameras differ."
        )
    search, features = _search(queries, gallery, given.metric, rerank)
    found = list(search.ranks(features, order, wanted, given.block_rows or search.rows))
    return _scores(sizes[0], order, found, given.ap)


@dataclass(frozen=True)
class _FeatureMatrix:
    """Features `(N, D)`, a float array or, on an accelerator, a float32 tensor; `norms (N,)`
    squared, in float64."""

    features: Any
    norms: np.ndarray

    @classmethod
    def of(cls, features: Any, name: str) -> "_FeatureMatrix":
        """Features as they were given, checked."""
        if hasattr(features, "detach"):
            features = features.detach()
            features = (
                features
                if features.is_floating_point() and features.dtype.itemsize >= 4
                else features.float()
            )
            features = features.numpy() if features.device.type == "cpu" else features.float()
        else:
            features = np.asarray(features)
        if features.ndim != 2 or not features.shape[1]:
            raise ScoreError(
                f"{name.capitalize()} features must be (rows, dimensions), found the shape"
                f" {tuple(features.shape)}."
            )
        if not len(features):
            raise ScoreError(f"There are no {name} features.")
        if isinstance(features, np.ndarray):
            features = (
                features
                if features.dtype in (np.float32, np.float64)
                else _as_float32(features, name)
            )
        norms = squared_norms(features)
        finite = np.isfinite(norms)
        if not finite.all():
            broken = np.flatnonzero(~finite)
            raise ScoreError(
                f"{len(broken):,} {name} features hold NaN or infinity, or numbers too large to"
                f" square (row {first_few(broken.tolist())})."
            )
        return cls(features, norms)

    def on_host(self, dtype: Any) -> "_FeatureMatrix":
        """Return the features as an array in main memory."""
        features = (
            self.features if isinstance(self.features, np.ndarray) else self.features.cpu().numpy()
        )
        return _FeatureMatrix(features.astype(dtype, copy=False), self.norms)

    def extreme(self) -> bool:
        """Return True if products of the features exceed the range of float32."""
        some = self.norms[self.norms > 0]
        return bool(len(some)) and (some.max() > _RANGE or some.min() < 1 / _RANGE)


def _as_float32(features: np.ndarray, name: str) -> np.ndarray:
    try:
        return features.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise ScoreError(
            f"{name.capitalize()} features must be numbers, found {features.dtype}."
        ) from error


def _search(
    queries: _FeatureMatrix, gallery: _FeatureMatrix, metric: str, rerank: RerankOptions | None
) -> tuple[Any, Any]:
    """Select the search for the device of the gallery and the size of its numbers; also return the
    converted queries.
    """
    wide = queries.extreme() or gallery.extreme()
    if wide or isinstance(gallery.features, np.ndarray) or multiplies_coarsely(gallery.features):
        gallery = gallery.on_host(
            np.float64 if wide else getattr(gallery.features, "dtype", np.float32)
        )
        queries = queries.on_host(gallery.features.dtype)
    else:
        import torch

        queries = _FeatureMatrix(
            torch.as_tensor(queries.features).float().to(gallery.features.device), queries.norms
        )
    if rerank:
        return RerankedSearch(queries.features, gallery.features, metric, rerank), queries.features
    return SimilaritySearch(gallery.features, metric, gallery.norms), queries.features


def _scores(queries: int, order: np.ndarray, found: Sequence[np.ndarray], ap: str) -> Scores:
    """Metrics from the ranks of the valid queries' true matches, laid back into the order the
    queries came in."""
    ranks = np.concatenate(found)
    counts = np.array([len(one) for one in found])
    valid = np.zeros(queries, dtype=bool)
    valid[order] = True

    def laid_back(values: np.ndarray, absent: float) -> np.ndarray:
        out = np.full(queries, absent, dtype=values.dtype)
        out[order] = values
        return out

    precision = laid_back(metrics.AP[ap](ranks, counts), np.nan)
    first = laid_back(metrics.first_match_rank(ranks, counts), 0)
    inp = laid_back(metrics.inverse_negative_penalty(ranks, counts), np.nan)
    return Scores(
        mAP=float(precision[valid].mean()),
        cmc=metrics.cmc_curve(first[valid]),
        mINP=float(inp[valid].mean()),
        per_query=PerQuery(valid, precision, first, inp),
    )
