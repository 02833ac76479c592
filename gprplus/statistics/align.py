"""Scores of several runs side by side: the same queries in the same order, the same seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.errors import ScoreError

if TYPE_CHECKING:
    import pyarrow as pa

METRICS = ("mAP", "rank1")


@dataclass(frozen=True)
class AlignedQueries:
    """`scores` `(A, S, Q) float64` by metric, and the identity's name of each query,
    `identity_names (Q,)`."""

    scores: dict[str, np.ndarray]
    identity_names: np.ndarray

    @property
    def identities(self) -> np.ndarray:
        """The identity of each query, `(Q,) int64`, numbered from 0."""
        numbers: np.ndarray = np.unique(self.identity_names, return_inverse=True)[1]
        return numbers


def shared_seeds(rows: Sequence[Mapping[str, Any]], arms: Sequence[str], target: str) -> list[int]:
    """The seeds that all `arms` have among results rows of one target. Raises ScoreError when there
    is none."""
    seeds = sorted(
        set.intersection(*({row["seed"] for row in rows if row["arm"] == arm} for arm in arms))
    )
    if not seeds:
        raise ScoreError(
            f"The arms scored on '{target}' share no seed, so they cannot be compared. Run the"
            " benchmark again."
        )
    return seeds


def align_queries(
    queries: Mapping[tuple[str, int], "pa.Table"],
    arms: Sequence[str],
    seeds: Sequence[int],
    target: str,
) -> AlignedQueries:
    """The scores of the valid queries of a target, sorted by uid."""
    import pyarrow.compute as pc

    uids: np.ndarray | None = None
    scores: dict[str, list[list[np.ndarray]]] = {metric: [] for metric in METRICS}
    names = np.empty(0, dtype=str)
    for arm in arms:
        for metric in scores:
            scores[metric].append([])
        for seed in seeds:
            table = queries[arm, seed]
            table = table.filter(
                pc.and_(
                    pc.equal(table.column("target").cast("string"), target), table.column("valid")
                )
            )
            table = table.sort_by("uid")
            own = table.column("uid").to_numpy()
            if uids is None:
                uids = own
                names = table.column("identity").cast("string").to_numpy().astype(str)
            elif not np.array_equal(own, uids):
                raise ScoreError(
                    f"Arm '{arm}', seed {seed} was scored on other queries of '{target}' than the"
                    " rest. Run the benchmark with --force."
                )
            scores["mAP"][-1].append(table.column("AP").to_numpy())
            scores["rank1"][-1].append(
                (table.column("first_match_rank").to_numpy() == 1).astype(np.float64)
            )
    return AlignedQueries(
        {metric: np.array(values, dtype=np.float64) for metric, values in scores.items()}, names
    )
