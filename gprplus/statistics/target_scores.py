"""The scores of all trained arms on one target: what effects, curves and components are computed
from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gprplus.core import sampling
from gprplus.statistics import contrasts
from gprplus.statistics.estimands import DeclaredContrast
from gprplus.statistics.identity_variance import ScoreArray


@dataclass(frozen=True)
class TargetScores:
    """The scores of the trained arms on one target by one metric, of `seeds (S,)`, with what its
    rows of tables have in common."""

    target: str
    metric: str
    arms: tuple[str, ...]
    scored: ScoreArray
    margin: float
    notes: dict[str, Any]
    seeds: tuple[int, ...]

    def of_seeds(self, seeds: Collection[int]) -> "TargetScores":
        """The same scores of some of the seeds."""
        kept = [place for place, seed in enumerate(self.seeds) if seed in seeds]
        values = self.scored.values[:, kept]
        return replace(
            self,
            scored=ScoreArray(values, self.scored.identity),
            seeds=tuple(self.seeds[place] for place in kept),
        )

    def rng(self, stream: str) -> np.random.Generator:
        """A random generator for one use, the same in every run."""
        return np.random.default_rng(sampling.hash64(f"{stream} {self.metric} {self.target}"))

    def place(self, names: Sequence[str]) -> list[int]:
        """The positions of arms."""
        return [self.arms.index(name) for name in names]

    def matrix(self, chosen: Sequence[DeclaredContrast]) -> np.ndarray:
        """The weights of contrasts as `(K, A)`."""
        return np.array([[one.weights.get(arm, 0.0) for arm in self.arms] for one in chosen])

    def estimate(self, family: Sequence[DeclaredContrast]) -> contrasts.ContrastEstimates:
        """One family of contrasts with common simultaneous intervals."""
        groups = [self.place(one.draws) for one in family]
        return contrasts.estimate_contrasts(
            self.scored, self.matrix(family), self.rng(family[0].family), groups
        )
