"""The public function `score`: features of a split, or arrays of query and gallery features."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gprplus.core.errors import ScoreError
from gprplus.core.files.paths import AnyPath
from gprplus.evaluation import external_features, targets
from gprplus.evaluation.rerank import RerankOptions
from gprplus.evaluation.scoring import Scores, score_arrays

if TYPE_CHECKING:
    import torch


@overload
def score(
    split: AnyPath,
    features: external_features.Features,
    *,
    names: AnyPath | None = None,
    metric: str = "cosine",
    ap: str = "step",
    rerank: RerankOptions | None = None,
) -> Scores: ...


@overload
def score(
    query_features: "np.ndarray | torch.Tensor",
    gallery_features: "np.ndarray | torch.Tensor",
    query_ids: Sequence[Any] | np.ndarray,
    gallery_ids: Sequence[Any] | np.ndarray,
    query_cams: Sequence[Any] | np.ndarray | None = None,
    gallery_cams: Sequence[Any] | np.ndarray | None = None,
    **options: Any,
) -> Scores: ...


def score(*args: Any, **options: Any) -> Scores:
    """Return exact mAP, CMC and mINP of features made by any trainer.

    Two forms:

    - `score(split, features)` scores the test set of a split. It resolves identities and cameras
      itself.
    - `score(query_features, gallery_features, query_ids, gallery_ids, query_cams, gallery_cams)`
      scores arrays
      (`gprplus.evaluation.scoring.score_arrays` has all options).

    Args:
        split: A Split, or its folder.
        features: A table (Arrow, pandas, or a Parquet or CSV file) with a column uid or path and a
            list column `feature` or one column a dimension; a file of arrays (`.npy`, `.npz`,
            `.pt`, `.safetensors`, `.mat`); or an array or tensor `(N, D)` in the order of
            `split.test()`.
        names: For a file without names: a text file with the uid or path of each row; by default
            the `.txt` next to it.
        metric: "cosine" or "euclidean".
        ap: Form of average precision, "step" or "trapezoid".
        rerank: Re-rank by k-reciprocal neighbours first.

    Returns:
        Scores, as means over the valid queries (0-1), and the values of each query.

    Raises:
        ScoreError: A feature is missing or not finite, the shapes do not fit, or no query is valid.

    >>> features = np.eye(3, dtype=np.float32)
    >>> score(features[:1], features, ["a"], ["b", "a", "c"])
    Scores over 1 query: mAP 33.3, rank-1 0.0, rank-5 100.0, rank-10 100.0, mINP 33.3
    """
    if "split" in options or (args and isinstance(args[0], str | os.PathLike)):
        return score_split(*args, **options)
    return score_arrays(*args, **options)


def score_split(
    split: AnyPath,
    features: external_features.Features,
    *,
    names: AnyPath | None = None,
    **options: Any,
) -> Scores:
    """Return the scores of features on the test set of a split; `score` has the arguments."""
    from gprplus.splits import Split

    found = split if isinstance(split, Split) else Split.open(split)
    target = targets.own_test_target(found)
    if target is None:
        raise ScoreError(
            f"{found.path} was made without test rows. Score with `gprplus score --target`."
        )
    return target.score(external_features.read_features(target, features, names), **options)[0]
