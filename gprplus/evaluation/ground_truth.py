"""Ground truth: encode identities and cameras as integers, and select the relevant and excluded
gallery columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gprplus.core import protocol
from gprplus.core.errors import ScoreError, first_few
from gprplus.evaluation.ranks import QueryRelevance

_NOBODY = (
    -1,
    -2,
)  # an unknown identity among queries, and in the gallery: they match no row, nor each other


@dataclass(frozen=True)
class GroundTruth:
    """Identities `(Q,)` and `(G,)` and, where known, cameras, as int64 codes; `junk (G,) bool` or
    None."""

    query_ids: np.ndarray
    gallery_ids: np.ndarray
    query_cams: np.ndarray | None
    gallery_cams: np.ndarray | None
    junk: np.ndarray | None

    @classmethod
    def of(
        cls,
        query_ids: Any,
        gallery_ids: Any,
        query_cams: Any,
        gallery_cams: Any,
        junk: Any,
        rows: tuple[int, int],
    ) -> "GroundTruth":
        """Encode the arguments of the caller; `rows` are the numbers of query and gallery features.

        Raises ScoreError if lengths or types do not fit.
        """
        if (query_cams is None) != (gallery_cams is None):
            raise ScoreError(
                "Cameras are given for one side only; give both query_cams and gallery_cams, or"
                " neither."
            )
        for name, values, side in (
            ("query_ids", query_ids, 0),
            ("gallery_ids", gallery_ids, 1),
            ("query_cams", query_cams, 0),
            ("gallery_cams", gallery_cams, 1),
            ("gallery_junk", junk, 1),
        ):
            if values is not None and len(values) != rows[side]:
                raise ScoreError(
                    f"{name} has {len(values):,} entries for {rows[side]:,}"
                    f" {('query', 'gallery')[side]} features."
                )
        ids = _codes(query_ids, gallery_ids, "identities", _NOBODY)
        cams = (None, None)
        if query_cams is not None:
            cams = _codes(query_cams, gallery_cams, "cameras", (protocol.UNKNOWN_CAMERA,) * 2)  # type: ignore[assignment]
        return cls(*ids, *cams, _flags(junk))

    def without_junk(self) -> tuple["GroundTruth", np.ndarray | None]:
        """Remove junk rows from the gallery; also return the positions of the remaining rows, None
        for all."""
        if self.junk is None or not self.junk.any():
            return replace(self, junk=None), None
        kept = np.flatnonzero(~self.junk)
        cams = None if self.gallery_cams is None else self.gallery_cams[kept]
        return replace(self, gallery_ids=self.gallery_ids[kept], gallery_cams=cams, junk=None), kept

    def relevance(
        self, removed: Sequence[np.ndarray] | None = None
    ) -> tuple[np.ndarray, list[QueryRelevance]]:
        """Return the valid queries, `(V,) int64`, sorted by identity, and the relevant and excluded
        columns of each.

        `removed` names, query by query, positions of gallery rows to exclude from that ranking
        only. The rule is applied once for each identity, to the query and gallery rows of that
        identity: rows of other identities are excluded only as junk.
        """
        by_id = np.argsort(self.gallery_ids, kind="stable")
        sorted_ids = self.gallery_ids[by_id]
        junk_columns = (
            np.flatnonzero(self.junk) if self.junk is not None else np.empty(0, dtype=np.int64)
        )
        order: list[int] = []
        wanted: list[QueryRelevance] = []
        queries_by_id = np.argsort(self.query_ids, kind="stable")
        ids, first = np.unique(self.query_ids[queries_by_id], return_index=True)
        bounds = np.searchsorted(sorted_ids, ids), np.searchsorted(sorted_ids, ids, side="right")
        for same, low, high in zip(np.split(queries_by_id, first[1:]), *bounds, strict=True):
            if low == high:
                continue
            own = by_id[low:high]
            struck = np.concatenate([own, junk_columns])
            for query, relevant in zip(same, ~self._ignored(same, own), strict=True):
                matches, mine = own[relevant], struck
                if removed is not None and len(removed[query]):
                    matches = np.setdiff1d(matches, removed[query])
                    mine = np.union1d(struck, removed[query])
                if len(matches):
                    order.append(query)
                    wanted.append(QueryRelevance(matches, mine))
        return np.array(order, dtype=np.int64), wanted

    def _ignored(self, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """`gprplus.core.protocol.excluded_mask` for some queries and gallery rows."""
        return protocol.excluded_mask(
            self.query_ids[queries],
            self.gallery_ids[gallery],
            None if self.query_cams is None else self.query_cams[queries],
            None if self.gallery_cams is None else self.gallery_cams[gallery],
            None if self.junk is None else self.junk[gallery],
        )


def _flags(junk: Any) -> np.ndarray | None:
    """Junk as `bool`; None, which is unknown, is no junk."""
    if junk is None:
        return None
    values = [False if value is None else value for value in _listed(junk)]
    strange = [value for value in values if value not in (0, 1)]
    if strange:
        raise ScoreError(
            f"gallery_junk must be true or false for each row, found {first_few(strange)}."
        )
    return np.array(values, dtype=bool)


def _listed(values: Any) -> list[Any]:
    """The entries of a list, an array, a tensor or a column, as Python has them."""
    return (
        values.tolist()
        if hasattr(values, "tolist")
        else list(getattr(values, "to_pylist", values.__iter__)())
    )


def _codes(
    query: Any, gallery: Any, what: str, unknown: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers or strings as shared `int64` codes; None and NaN get the `unknown` code of their
    side."""
    import pandas as pd

    sides = [pd.Series(_listed(values), dtype=object) for values in (query, gallery)]
    kinds = [
        {"text" if isinstance(value, str) else "number" for value in side.dropna().unique()}
        for side in sides
    ]
    if len(kinds[0] | kinds[1]) > 1:
        raise ScoreError(
            f"The {what} of queries and gallery cannot be compared: some are text, some are numbers"
            f" ({first_few(sides[0].tolist(), 2)} against {first_few(sides[1].tolist(), 2)})."
        )
    codes, _ = pd.factorize(pd.concat(sides, ignore_index=True), sort=False)
    codes = codes.astype(np.int64)
    first, second = codes[: len(sides[0])], codes[len(sides[0]) :]
    return np.where(first < 0, unknown[0], first), np.where(second < 0, unknown[1], second)
