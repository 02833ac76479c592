"""Rows of the effects over several targets, and of each without one of them.

Without a target the same estimator is applied to the rest: random-effects mean, Hartung and Knapp's
variance with one target fewer, and the noise of the common seeds. If one target is left, the effect
and the interval are those of that target alone. Intervals from two targets have one degree of
freedom between targets, so that a verdict often becomes undecided because little is left, not
because the target that was left out disagreed: compare the values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gprplus.evaluation.targets import RERANKED, is_own_test_set
from gprplus.statistics import meta_analysis
from gprplus.statistics.contrasts import ContrastEstimates
from gprplus.statistics.estimands import DeclaredContrast
from gprplus.statistics.intervals import Estimate
from gprplus.statistics.multiplicity import classify_interval
from gprplus.statistics.target_scores import TargetScores

Row = dict[str, Any]


@dataclass(frozen=True)
class EffectOnTargets:
    """One contrast `(A,)` at `place` of the estimates of several targets."""

    seen: Sequence[TargetScores]
    estimates: Sequence[ContrastEstimates]
    contrast: np.ndarray
    place: int
    stream: str

    def pooled(self) -> meta_analysis.PooledEffect | None:
        """The effect over the targets; None if one has no standard error."""
        scored = [one.scored for one in self.seen]
        rng = self.seen[0].rng(self.stream)
        return meta_analysis.pool_over_targets(
            scored, self.estimates, self.contrast, self.place, rng
        )

    def without(self, target: int) -> "EffectOnTargets":
        """The same contrast on all targets but one."""
        kept = [at for at in range(len(self.seen)) if at != target]
        return EffectOnTargets(
            [self.seen[at] for at in kept],
            [self.estimates[at] for at in kept],
            self.contrast,
            self.place,
            self.stream,
        )

    def estimate(self) -> Estimate | None:
        """The effect with its interval, of one target or several; None without a standard error."""
        if len(self.seen) == 1:
            return self.estimates[0].intervals()[self.place]
        found = self.pooled()
        return Estimate(found.value, found.low, found.high) if found else None


def pooled_rows(
    seen: Sequence[TargetScores], declared: Mapping[str, Sequence[DeclaredContrast]]
) -> Iterator[tuple[Row, list[Row]]]:
    """Yield the row (schema.POOLED) of each contrast over the targets other than the split's test
    set, if there are two or more with the same arms, with its rows (schema.LEFT_OUT) without each
    target. Trainings are compared over targets, so the seeds are those that all targets have."""
    away = [
        one for one in seen if not is_own_test_set(one.target) and not one.target.endswith(RERANKED)
    ]
    if len(away) < 2 or len({one.arms for one in away}) > 1:
        return
    common = set.intersection(*(set(one.seeds) for one in away))
    if not common:
        return
    away = [one.of_seeds(common) for one in away]
    every = declared[away[0].target]
    for name in dict.fromkeys(one.family for one in every):
        family = [one for one in every if one.family == name]
        found, matrix = [one.estimate(family) for one in away], away[0].matrix(family)
        for k, contrast in enumerate(family):
            stream = f"pooled {name} {contrast.name}"
            effect = EffectOnTargets(away, found, matrix[k], k, stream)
            pooled = effect.pooled()
            if pooled is None:
                continue
            notes = {key: away[0].notes[key] for key in ("split", "recipe", "metric")}
            notes |= {"family": name, "contrast": contrast.name}
            row = notes | {"targets": len(away)} | vars(pooled)
            yield row, [notes | one for one in _left_out(effect, pooled)]


def _left_out(effect: EffectOnTargets, pooled: meta_analysis.PooledEffect) -> Iterator[Row]:
    margin = effect.seen[0].margin
    of_all = classify_interval(pooled.low, pooled.high, margin)
    for at, one in enumerate(effect.seen):
        rest = effect.without(at).estimate()
        assert rest is not None  # each target has a standard error, else there is no pooled effect
        yield {
            "without": one.target,
            "targets": len(effect.seen) - 1,
            **vars(rest),
            "verdict": classify_interval(rest.low, rest.high, margin),
            "verdict_of_all": of_all,
        }
