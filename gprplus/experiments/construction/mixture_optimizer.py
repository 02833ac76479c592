"""Shares of proposals, optimized over trials by a Gaussian process (optuna).

A trial is a mixture of K proposals. The set grows from round to round, and its score with it, so the
effect of the round is estimated together with linear effects of the shares (Scheffe, "Experiments
with mixtures", 1958) and subtracted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.core.errors import PlanError
from gprplus.core.sampling import hash64, join_canonical

_SEEDS = 2**31  # of a sampler
ALIKE = 0.05  # distance of shares below which two trials of a round would be one


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
        f"u{place}": optuna.distributions.FloatDistribution(0.0, 1.0)
        for place in range(len(names) - 1)
    }
    effects = round_effects(names, rounds)
    for tried, effect in zip(rounds, effects, strict=True):
        for one in tried:
            known = optuna.trial.create_trial(
                params=_as_params(one.shares, names),
                distributions=ranges,
                value=one.score - effect,
            )
            study.add_trial(known)
    for shares in started:
        study.enqueue_trial(_as_params(shares, names))
        study.ask(ranges)
    found: list[dict[str, float]] = []
    rng = np.random.default_rng(own)
    for _ in range(count):
        params = study.ask(ranges).params
        shares = _as_shares([params[key] for key in ranges], names)
        if any(_distance(shares, other) < ALIKE for other in (*started, *found)):
            # The sampler may propose its optimum again, which would spend a look on nothing new.
            shares = dict(zip(names, rng.dirichlet(np.ones(len(names))).tolist(), strict=True))
        found.append(shares)
    return found


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Half of the sum of the differences of shares, 0-1."""
    return sum(abs(one[name] - other[name]) for name in one) / 2


def round_effects(names: Sequence[str], rounds: Sequence[Sequence[TriedMixture]]) -> list[float]:
    """The effect of each round on the score, by least squares with linear effects of the shares."""
    if not rounds:
        return []
    number = np.repeat(np.arange(len(rounds)), [len(tried) for tried in rounds])
    tried = [one for each in rounds for one in each]
    # The last share follows from the others, so that it has no column.
    shares = np.array([[one.shares.get(name, 0.0) for name in names[:-1]] for one in tried])
    design = np.hstack([np.eye(len(rounds))[number], shares])
    found = np.linalg.lstsq(design, np.array([one.score for one in tried]), rcond=None)[0]
    return [float(effect) for effect in found[: len(rounds)]]


def _as_params(shares: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """Shares of K proposals as the K - 1 coordinates of the sampler."""
    return {
        f"u{place}": value
        for place, value in enumerate(cube_point([shares.get(name, 0.0) for name in names]))
    }


def _as_shares(point: Sequence[float], names: Sequence[str]) -> dict[str, float]:
    return dict(zip(names, simplex_point(point), strict=True))


def simplex_point(point: Sequence[float]) -> list[float]:
    """Map a point of the unit cube in K - 1 dimensions to K shares that sum to 1; a uniform point
    gives uniform shares (stick breaking with beta variates).

    >>> [round(share, 3) for share in simplex_point([0.5, 0.5])]
    [0.293, 0.354, 0.354]
    """
    rest, shares = 1.0, []
    for place, value in enumerate(point):
        part = 1 - (1 - value) ** (1 / (len(point) - place))
        shares.append(rest * part)
        rest *= 1 - part
    return [*shares, rest]


def cube_point(shares: Sequence[float]) -> list[float]:
    """The inverse of `simplex_point`: coordinates that no longer matter are 0.

    >>> [round(value, 3) for value in cube_point([0.0, 1.0, 0.0])]
    [0.0, 1.0]
    """
    rest, point = 1.0, []
    for place, share in enumerate(shares[:-1]):
        part = min(1.0, share / rest) if rest > 1e-12 else 0.0
        point.append(1 - (1 - part) ** (len(shares) - 1 - place))
        rest *= 1 - part
    return point
