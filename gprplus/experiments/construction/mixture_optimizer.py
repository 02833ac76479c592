"""Shares of proposals, optimized over trials by a Gaussian process (optuna).

A trial is a mixture of K proposals. Shares are compared by what they gain over the other trials of
their round, so that the growth of the set from round to round does not count as merit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.core.errors import PlanError
from gprplus.core.sampling import hash64, join_canonical

_SEEDS = 2**31  # of a sampler


@dataclass(frozen=True)
class TriedMixture:
    """Shares of the proposals, by name, and the score of the trial."""

    shares: dict[str, float]
    score: float


def ask_mixtures(
    names: Sequence[str], count: int, rounds: Sequence[Sequence[TriedMixture]], seed: int
) -> list[dict[str, float]]:
    """Return the mixtures to try next, as shares by name that sum to 1.

    In the first round each proposal is tried alone, as far as `count` goes, then mixtures. The same
    history gives the same mixtures.

    Args:
        names: names of the proposals.
        count: number of mixtures.
        rounds: what was tried in the rounds before.
        seed: seed of the sampler.
    """
    if len(names) == 1:
        return [{names[0]: 1.0}]
    alone = [{name: float(name == one) for name in names} for one in names] if not rounds else []
    alone = alone[:count]
    return alone + _sampled(names, count - len(alone), rounds, alone, seed)


def _sampled(
    names: Sequence[str],
    count: int,
    rounds: Sequence[Sequence[TriedMixture]],
    started: Sequence[dict[str, float]],
    seed: int,
) -> list[dict[str, float]]:
    if not count:
        return []
    try:
        import optuna
    except ImportError as error:
        raise PlanError(
            "The mixture of methods is optimized by the package 'optuna'. Install it with: pip"
            " install 'gprplus[plan]', or name one method."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    own = hash64(join_canonical("mixtures", str(seed), str(len(rounds)))) % _SEEDS
    sampler = optuna.samplers.GPSampler(seed=own, n_startup_trials=len(names))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    ranges: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in names
    }
    for tried in rounds:
        mean = float(np.mean([one.score for one in tried]))
        for one in tried:
            params = {name: one.shares.get(name, 0.0) for name in names}
            study.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=ranges, value=one.score - mean
                )
            )
    for shares in started:
        study.enqueue_trial(shares)
        study.ask(ranges)
    found = [study.ask(ranges).params for _ in range(count)]
    return [_normalized(one, names) for one in found]


def _normalized(params: dict[str, float], names: Sequence[str]) -> dict[str, float]:
    total = sum(params.values())
    if total <= 0:
        return {name: 1 / len(names) for name in names}
    return {name: params[name] / total for name in names}
