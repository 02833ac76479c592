"""The tests of query against gallery: the matrix of levels, what a mismatch costs, and what looking
alike is worth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gprplus import statistics
from gprplus.reporting.arm_labels import plot_label
from gprplus.reporting.sentences.verdicts import Row
from gprplus.schema.split_record import LevelTest, SplitRecord

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SAME, RANDOM = "self:without-same-level", "self:without-random"


@dataclass(frozen=True)
class PairedCost:
    """A paired difference of mean AP under one arm, and its 95% interval; None where there is
    none."""

    arm: str
    label: str
    own: float
    other: float
    low: float | None
    high: float | None

    @property
    def difference(self) -> float:
        """Difference of `own` and `other`."""
        return self.own - self.other


@dataclass(frozen=True)
class QueryGalleryMatrix:
    """M[A, B] under one arm: queries of level A (rows) in a gallery of level B (columns), mean mAP
    over seeds.

    `penalty` P[A, B] = (M[A, A] + M[B, B]) / 2 - M[A, B], `asymmetry` M[A, B] - M[B, A].
    """

    arm: str
    label: str
    levels: tuple[str, ...]
    scores: np.ndarray

    @property
    def penalty(self) -> np.ndarray:
        """Return the mismatch penalty relative to the two matched entries."""
        diagonal = np.diag(self.scores)
        return (diagonal[:, None] + diagonal[None, :]) / 2 - self.scores

    @property
    def asymmetry(self) -> np.ndarray:
        """Return the asymmetry between query level and gallery level."""
        return self.scores - self.scores.T

    @property
    def row_means(self) -> list[float]:
        """Means by level of the query."""
        return self.scores.mean(axis=1).tolist()

    @property
    def column_means(self) -> list[float]:
        """Means by level of the gallery."""
        return self.scores.mean(axis=0).tolist()

    @property
    def cells(self) -> list[list[float]]:
        """The entries, row by row."""
        return self.scores.tolist()

    def shade(self, value: float) -> float:
        """Return the position of an entry between the lowest and the highest, 0-1."""
        low, high = float(self.scores.min()), float(self.scores.max())
        return round((value - low) / (high - low), 3) if high > low else 0.0


@dataclass(frozen=True)
class CrossLevelReport:
    """Results of the tests other than `self`: the matrix of the reference arm, and for each arm the
    mismatch penalty (`mismatch`) and the gain from matches at the level of the query compared with
    as many others (`alike`).
    """

    facts: LevelTest | None
    matrix: QueryGalleryMatrix | None
    mismatch: tuple[PairedCost, ...]
    alike: tuple[PairedCost, ...]


def cross_level_report(
    rows: Sequence[Row], queries: "pa.Table | None", split: SplitRecord
) -> CrossLevelReport | None:
    """The tests of a split from its summary rows and its queries (schema.QUERIES with arm and seed
    in front).

    None where the split has none. Without `queries` there is the matrix alone.
    """
    tests = split.tests
    scored = {(row["arm"], row["target"]): row["mAP"] for row in rows if row["target"] in tests}
    if not scored:
        return None
    arms = [arm for arm in split.arms if any(one == arm for one, _ in scored)]
    cross = {name: facts for name, facts in tests.items() if facts.kind == "cross"}
    arm = split.reference if split.reference in arms else arms[0] if arms else None
    matrix = _matrix(scored, cross, arm, split) if cross and arm else None
    frame = _frame(queries, tests) if queries is not None else None
    mismatch = (
        [_mismatch(frame, cross, one, split) for one in arms] if frame is not None and cross else []
    )
    alike = (
        [_alike(frame, one, split) for one in arms] if frame is not None and SAME in tests else []
    )
    return CrossLevelReport(
        next(iter(cross.values()), None),
        matrix,
        tuple(cost for cost in mismatch if cost),
        tuple(cost for cost in alike if cost),
    )


def _matrix(
    scored: Mapping[tuple[str, str], float],
    cross: Mapping[str, LevelTest],
    arm: str,
    split: SplitRecord,
) -> QueryGalleryMatrix | None:
    levels = tuple(dict.fromkeys(str(facts.query_level) for facts in cross.values()))
    place = {level: i for i, level in enumerate(levels)}
    scores = np.full((len(levels), len(levels)), np.nan)
    for name, facts in cross.items():
        if (arm, name) in scored:
            scores[place[str(facts.query_level)], place[str(facts.gallery_level)]] = scored[
                arm, name
            ]
    return (
        None
        if np.isnan(scores).any()
        else QueryGalleryMatrix(arm, plot_label(arm, split), levels, scores)
    )


def _frame(queries: "pa.Table", tests: Mapping[str, LevelTest]) -> "pd.DataFrame":
    frame = queries.select(
        ["arm", "seed", "target", "uid", "identity", "level", "valid", "AP"]
    ).to_pandas()
    return frame[frame["target"].isin(tests) & frame["valid"]]


def _mismatch(
    frame: "pd.DataFrame", cross: Mapping[str, LevelTest], arm: str, split: SplitRecord
) -> PairedCost | None:
    """Compare each query in the gallery of its own level with its mean over the other galleries."""
    own = [name for name, facts in cross.items() if facts.within_level]
    mine = frame[(frame["arm"] == arm) & frame["target"].isin(cross)]
    return _cost(mine[mine["target"].isin(own)], mine[~mine["target"].isin(own)], arm, split)


def _alike(frame: "pd.DataFrame", arm: str, split: SplitRecord) -> PairedCost | None:
    """Compare each query without random true matches with the query without those of its own
    level."""
    mine = frame[frame["arm"] == arm]
    return _cost(mine[mine["target"] == RANDOM], mine[mine["target"] == SAME], arm, split)


def _cost(
    own: "pd.DataFrame", other: "pd.DataFrame", arm: str, split: SplitRecord
) -> PairedCost | None:
    tables = [
        side.pivot_table("AP", ["identity", "uid"], "seed", observed=True).dropna()
        for side in (own, other)
    ]
    both = tables[0].index.intersection(tables[1].index)
    seeds = tables[0].columns.intersection(tables[1].columns)
    if both.empty or seeds.empty:
        return None
    values = np.stack([table.loc[both, seeds].to_numpy().T for table in tables])
    person = np.unique(both.get_level_values("identity").astype(str), return_inverse=True)[1]
    pair = statistics.ScoreArray(values, person)
    found = statistics.difference_intervals(pair, 1)[0]
    known = not math.isnan(found.low)
    means = values.mean(axis=(1, 2))
    ends = (found.low, found.high) if known else (None, None)
    return PairedCost(arm, plot_label(arm, split), float(means[0]), float(means[1]), *ends)
