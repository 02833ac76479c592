"""Answerable queries under each protocol, and the reasons of the others; checked when a split is
made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.core.arrow import from_numpy, from_strings
from gprplus.core.protocol import UNANSWERABLE_REASONS, count_matches, why_unanswerable
from gprplus.splits.candidates import AttributeCodes, CandidateTable
from gprplus.splits.test_sets.test_set import CAMERA_COLUMN, TestSet

if TYPE_CHECKING:
    import pyarrow as pa

CROSS_LEVEL = "cross-condition"
REASON_TEXTS = {
    "camera": UNANSWERABLE_REASONS,
    "viewpoint": (
        *UNANSWERABLE_REASONS[:3],
        UNANSWERABLE_REASONS[3].replace("the camera", "the viewpoint"),
    ),
}


@dataclass(frozen=True)
class AnswerableQueries:
    """One protocol: the number of answerable queries, and the others, each with the reason in
    words.

    `everywhere` counts the queries that each level of the attribute answers, if the protocol
    crosses levels.
    """

    kept: int
    rows: np.ndarray
    reasons: tuple[str, ...]
    matrix: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return the result as JSON, with counts by reason, the most frequent first."""
        counts: dict[str, int] = {}
        for reason in self.reasons:
            counts[reason] = counts.get(reason, 0) + 1
        ranked = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
        found: dict[str, Any] = {"kept": self.kept, "excluded": len(self.rows), "reasons": ranked}
        return (
            {**found, "answered": {key: dict(row) for key, row in self.matrix.items()}}
            if self.matrix
            else found
        )


def find_answerable(
    pool: CandidateTable,
    test_set: TestSet,
    attr: str,
    equivalents: Mapping[str, str],
    present: np.ndarray | None = None,
) -> dict[str, AnswerableQueries]:
    """Check the queries of a test set under each protocol that its columns allow, the split's
    default protocol first.

    Under the default protocol, unanswerable rows are no longer queries (they remain in the
    gallery); under the other protocols the remaining queries are checked. Cross-condition is
    checked if `attr` varies within identities: there a query needs a true match, under the default
    rule, at every level of the test set, including its own level. If the attribute is used as
    camera (`equivalents` names attributes that are one to one), the camera rule would exclude that
    level, and it is left out. `present` are the codes of the levels of the whole test set, where
    `test_set` is a part of it.
    """
    if not len(test_set.rows):
        return {}
    own = tuple(
        REASON_TEXTS.get(test_set.protocol, UNANSWERABLE_REASONS)[place]
        for place in test_set.reasons
    )
    found: dict[str, AnswerableQueries] = {
        test_set.protocol: AnswerableQueries(int(test_set.query.sum()), test_set.excluded, own)
    }
    queries, gallery = test_set.rows[test_set.query], test_set.rows[~test_set.query]
    for protocol, column in {**CAMERA_COLUMN, "no-camera": None}.items():
        if protocol not in found and (column is None or pool.images[column].levels):
            cameras = None if column is None else pool.images[column].values
            found[protocol] = _under(
                pool, queries, gallery, cameras, REASON_TEXTS.get(protocol, UNANSWERABLE_REASONS)
            )
    if present is None and attr in pool.images:
        present = pool.images[attr].at(test_set.rows).present()
    if attr in pool.images and present is not None and len(present) > 1:
        column = CAMERA_COLUMN.get(test_set.protocol)
        ruled = column is not None and equivalents.get(column, column) != equivalents.get(
            attr, attr
        )
        cameras = pool.images[column].values if column and ruled else None
        found[CROSS_LEVEL] = _across(pool, queries, gallery, cameras, pool.images[attr], present)
    return found


def _under(
    pool: CandidateTable,
    queries: np.ndarray,
    gallery: np.ndarray,
    cameras: np.ndarray | None,
    texts: tuple[str, ...],
) -> AnswerableQueries:
    known = () if cameras is None else (cameras[queries], cameras[gallery])
    reasons = why_unanswerable(pool.identity[queries], pool.identity[gallery], *known)
    lost = reasons > 0
    return AnswerableQueries(
        int((~lost).sum()), queries[lost], tuple(texts[place] for place in reasons[lost])
    )


def _across(
    pool: CandidateTable,
    queries: np.ndarray,
    gallery: np.ndarray,
    cameras: np.ndarray | None,
    attr: AttributeCodes,
    present: np.ndarray,
) -> AnswerableQueries:
    own = attr.values[queries]
    lacking: list[list[str]] = [[] for _ in queries]
    matrix: dict[str, dict[str, int]] = {str(attr.levels[code]): {} for code in present}
    for code in present:
        there = gallery[attr.values[gallery] == code]
        known = () if cameras is None else (cameras[queries], cameras[there])
        answered = count_matches(pool.identity[queries], pool.identity[there], *known) > 0
        counts = np.bincount(own[answered & (own >= 0)], minlength=len(attr.levels))
        for query in present:
            matrix[str(attr.levels[query])][str(attr.levels[code])] = int(counts[query])
        for place in np.flatnonzero(~answered):
            lacking[place].append(str(attr.levels[code]))
    lost = np.array([bool(levels) for levels in lacking], dtype=bool)
    reasons = tuple(f"no true match at {', '.join(levels)}" for levels in lacking if levels)
    return AnswerableQueries(int((~lost).sum()), queries[lost], reasons, matrix)


def excluded_table(pool: CandidateTable, answerable: Mapping[str, AnswerableQueries]) -> "pa.Table":
    """Return every query that a protocol excludes, with the reason: schema.EXCLUDED, sorted by
    protocol, dataset, identity, path.
    """
    import pyarrow as pa

    parts = []
    for protocol, found in answerable.items():
        if not len(found.rows):
            continue
        text = {int(row): reason for row, reason in zip(found.rows, found.reasons, strict=True)}
        rows = pool.in_order(np.sort(found.rows))
        persons = [pool.identities[code] for code in pool.identity[rows]]
        columns = {
            "protocol": [protocol] * len(rows),
            "uid": from_numpy(pool.uid[rows], pa.uint64()),
            "dataset": [dataset for dataset, _ in persons],
            "path": pool.texts.take("path", rows),
            "identity": [identity for _, identity in persons],
            "reason": [text[int(row)] for row in rows],
        }
        arrays = {
            name: from_strings(values) if isinstance(values, list) else values
            for name, values in columns.items()
        }
        parts.append(schema.conform(pa.table(arrays), schema.EXCLUDED))
    return pa.concat_tables(parts) if parts else schema.arrow_schema(schema.EXCLUDED).empty_table()
