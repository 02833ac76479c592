"""Correlation of distance and accuracy: over trained arms, the rank correlation of distance and
mAP.

Importance for distance is not importance for accuracy. The two have separate tables; this is the
only number that combines them, compared with two simpler predictors: luminance alone, and the
number of images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.analysis import distance_estimators
from gprplus.analysis.features import Features
from gprplus.analysis.features.base import ImageBatch
from gprplus.analysis.matched_sample import MatchedSample, spread_evenly
from gprplus.analysis.rank_correlation import spearman
from gprplus.analysis.sample import ImageSample
from gprplus.core import sampling
from gprplus.core.errors import AnalysisError
from gprplus.core.files.workdir import read_json
from gprplus.core.parallel import Progress
from gprplus.schema import RESULTS, stored
from gprplus.schema.run_record import benchmark_record
from gprplus.splits import Split

FEWEST = 5  # minimum number of arms for a correlation
ENOUGH = 20  # arms that a choice by distance should rest on
RESAMPLES = 2000
_DEPTHS = ("results.parquet", "*/results.parquet", "*/*/results.parquet")
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class ScoredArm:
    """A run folder: its split and its results (schema.RESULTS)."""

    split: Split
    results: pa.Table

    def digest(self) -> str:
        """Return a digest of the results."""
        return sampling.table_fingerprint(self.results, ["arm", "seed", "target", "mAP"])

    def scores(self, target: str) -> dict[str, float]:
        """Mean mAP over seeds of every arm of the split that was scored on the target."""
        rows = self.results.filter(
            pc.equal(pc.cast(self.results.column("target"), pa.string()), target)
        ).to_pylist()
        by_arm: dict[str, list[float]] = {}
        for row in rows:
            if row["arm"] in self.split.arms:
                by_arm.setdefault(row["arm"], []).append(row["mAP"])
        return {arm: float(np.mean(values)) for arm, values in by_arm.items()}


def read_scored_arms(paths: Sequence[Path | str]) -> list[ScoredArm]:
    """Run folders (SPLIT/RECIPE), or folders that hold such ones. Raises AnalysisError where there
    is none."""
    found = []
    for path in map(Path, paths):
        folders = sorted({file.parent for depth in _DEPTHS for file in path.glob(depth)})
        if not folders:
            raise AnalysisError(
                f"{path} holds no finished benchmark: there is no results.parquet in it or below."
            )
        for folder in folders:
            info = read_json(
                folder / "benchmark.json", AnalysisError, "a benchmark's run folder (SPLIT/RECIPE)"
            )
            record = benchmark_record(info, folder / "benchmark.json", AnalysisError)
            if not record.split_path:
                raise AnalysisError(f"{folder} has no path of its split; run the benchmark again.")
            again = "Run the benchmark again: it continues from finished runs."
            results = stored.read_table(folder / "results.parquet", RESULTS, AnalysisError, again)
            found.append(ScoredArm(Split.open(folder / record.split_path), results))
    return found


def measure_agreement(
    runs: Sequence[ScoredArm],
    kinds: Sequence[Features],
    targets: Mapping[str, ImageSample],
    images: int,
    seed: int,
    workers: int | None,
    progress: Progress,
) -> dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Return, by target, rows of columns.ARMS and the correlations over them.

    Up to `images` of each arm are used, in the order of identities.
    """
    found = {}
    for name, target in targets.items():
        rows = []
        for trained in runs:
            scores = trained.scores(name)
            if scores:
                rows += _arms(name, trained, scores, kinds, target, images, seed, workers, progress)
        found[name] = rows, [one for kind in kinds for one in correlations(rows, kind.name)]
    return found


def _arms(
    name: str,
    trained: ScoredArm,
    scores: Mapping[str, float],
    kinds: Sequence[Features],
    target: ImageSample,
    images: int,
    seed: int,
    workers: int | None,
    progress: Progress,
) -> list[dict[str, Any]]:
    tables = {
        arm: trained.split.train(arm).select(["uid", "dataset", "path", "identity"])
        for arm in scores
    }
    samples = {arm: spread_evenly(table, images, seed) for arm, table in tables.items()}
    pictures = pa.concat_tables(
        [tables[arm].take(pa.array(samples[arm].rows[:, 0])) for arm in scores]
    )
    uids, first = np.unique(pictures.column("uid").to_numpy(), return_index=True)
    unique = ImageBatch(pictures.take(pa.array(first)), trained.split.roots())
    (sample,) = target.samples.values()
    rows = []
    for kind in kinds:
        looks = kind.extract(unique, workers, progress)
        pool = kind.points(np.vstack([looks, kind.extract(target.images(), workers, progress)]))
        at = {arm: np.searchsorted(uids, _uids(tables[arm], samples[arm])) for arm in scores}
        of = len(looks) + target.place(sample.rows[:, 0])
        for arm in scores:
            far = {
                key: energy_distance(
                    points[at[arm]], samples[arm].people, points[of], sample.people
                )
                for key, points in pool.items()
                if key in (next(iter(pool)), "luminance")
            }
            rows.append(
                {
                    "target": name,
                    "split": trained.split.name,
                    "arm": arm,
                    "features": kind.name,
                    "distance": far[next(iter(pool))],
                    "luminance": far.get("luminance"),
                    "images": len(tables[arm]),
                    "mAP": scores[arm],
                }
            )
    return rows


def _uids(table: pa.Table, sample: MatchedSample) -> np.ndarray:
    return table.column("uid").to_numpy()[sample.rows[:, 0]]


def energy_distance(
    source: np.ndarray, people: np.ndarray, target: np.ndarray, target_people: np.ndarray
) -> float:
    """Return the debiased energy distance between points `(N, D)` and `(M, D)` with identities
    numbered from 0."""
    left, right = np.ones((1, people.max() + 1)), np.ones((1, target_people.max() + 1))

    def sums(
        one: np.ndarray, blocks: np.ndarray, two: np.ndarray, others: np.ndarray
    ) -> distance_estimators.BlockSums:
        return distance_estimators.block_sums(
            distance_estimators.squared_distances(one, two), blocks, others
        )

    between = distance_estimators.between_groups(
        sums(source, people, target, target_people), left, right
    )
    inside = distance_estimators.within_group(sums(source, people, source, people), left)
    other = distance_estimators.within_group(
        sums(target, target_people, target, target_people), right
    )
    return float((2 * between - inside - other)[0])


def correlations(rows: Sequence[Mapping[str, Any]], features: str) -> list[dict[str, Any]]:
    """Spearman's correlation of mAP with closeness, with closeness in luminance, and with size,
    over the arms of one kind of features, each with a 95% interval over resampled arms; None below
    five arms or if nothing varies.
    """
    mine = [row for row in rows if row["features"] == features]
    accuracy = np.array([row["mAP"] for row in mine])
    guesses = {
        "nearness": [-row["distance"] for row in mine],
        "images": [row["images"] for row in mine],
    }
    if mine and all(row["luminance"] is not None for row in mine):
        guesses["nearness in light"] = [-row["luminance"] for row in mine]
    rng = np.random.default_rng(sampling.hash64(sampling.join_canonical("accuracy", features)))
    draws = rng.integers(max(len(mine), 1), size=(RESAMPLES, len(mine)))
    found = []
    for guess, values in guesses.items():
        given = np.array(values, dtype=float)
        value = spearman(given, accuracy) if len(mine) >= FEWEST else None
        drawn = (
            [spearman(given[draw], accuracy[draw]) for draw in draws] if value is not None else []
        )
        again = [one for one in drawn if one is not None]
        low, high = np.quantile(again, _TAILS).tolist() if again else (None, None)
        found.append(
            {
                "features": features,
                "guess": guess,
                "correlation": value,
                "low": low,
                "high": high,
                "arms": len(mine),
            }
        )
    return found
