"""Importance of factors: loss of a boosted model on held-out identities when a factor is permuted.

A check of `anova` without the assumption of balance: a model learns the distance of an image from
its levels on some identities and is tested on others; the importance of a factor is the decrease of
R^2 when its column is shuffled among the held-out images (Breiman, "Random Forests", 2001, section
10, on held-out data as scikit-learn's documentation advises). Identity is not a column, because the
model cannot use unseen identities. Every factor has a shadow, a copy with shuffled levels, that the
model can also learn from (Kursa and Rudnicki, "Feature selection with the Boruta package", 2010):
the score of a shadow is the score of a factor without effect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gprplus.core.errors import AnalysisError
from gprplus.statistics.variance_sum import half_widths

FOLDS = 4
ROUNDS = 5
_TAILS = (0.025, 0.975)
# Small enough not to learn the noise of a few thousand images; named in every record.
SETTINGS = {
    "n_estimators": 100,
    "max_depth": 4,
    "learning_rate": 0.2,
    "subsample": 1.0,
    "tree_method": "hist",
}


@dataclass(frozen=True)
class ImportanceDrop:
    """Importance of one factor: the decrease of held-out R^2, its 95% interval over identities, the
    range of its shadows.
    """

    factor: str
    drop: float
    low: float
    high: float
    null_low: float
    null_high: float


def permutation_importance(
    values: np.ndarray,
    levels: np.ndarray,
    people: np.ndarray,
    factors: Sequence[str],
    rng: np.random.Generator,
    *,
    folds: int = FOLDS,
    rounds: int = ROUNDS,
) -> tuple[float, list[ImportanceDrop]]:
    """Held-out R^2 and decrease of every factor, for `values` `(N,)`, level numbers `(N, K) int`
    and `people` `(N,)` from 0.

    Identities are partitioned into `folds`; shadows are drawn anew in each of `rounds`. R^2 is
    against the mean of the fold's training images. Intervals are those of `ratio_intervals`.
    AnalysisError if xgboost is not installed.
    """
    folds = min(folds, int(people.max()) + 1)
    errors = np.zeros((rounds, len(values)))
    scrambled = np.zeros((rounds, 2 * len(factors), len(values)))
    base = np.zeros(len(values))
    for turn in range(rounds):
        part = rng.permutation(int(people.max()) + 1) % folds
        shadows = rng.permuted(levels, axis=0)
        both = np.hstack([levels, shadows])
        for fold in range(folds):
            held = part[people] == fold
            model = fit_booster(one_hot(both[~held], both), values[~held])
            errors[turn, held] = (model.predict(one_hot(both[held], both)) - values[held]) ** 2
            base[held] += (values[~held].mean() - values[held]) ** 2 / rounds
            for column in range(both.shape[1]):
                mixed = both[held].copy()
                mixed[:, column] = rng.permutation(mixed[:, column])
                scrambled[turn, column, held] = (
                    model.predict(one_hot(mixed, both)) - values[held]
                ) ** 2
    size = int(people.max()) + 1
    per_person = np.stack(
        [np.bincount(people, rise, size) for rise in (scrambled - errors[:, None]).mean(axis=0)]
    )
    spread = np.bincount(people, base, size)
    drops, half = ratio_intervals(per_person, spread)
    shadow = (scrambled - errors[:, None]).sum(axis=2)[:, len(factors) :] / spread.sum()
    found = [
        ImportanceDrop(
            name,
            float(drops[k]),
            float(drops[k] - half[k]),
            float(drops[k] + half[k]),
            *map(float, np.quantile(shadow[:, k], _TAILS)),
        )
        for k, name in enumerate(factors)
    ]
    fitted = 1 - errors.mean(axis=0).sum() / base.sum() if base.sum() > 0 else float("nan")
    return float(fitted), sorted(found, key=lambda drop: -drop.drop)


def ratio_intervals(parts: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of `parts (K, P)` over P identities as shares of the sum of `whole (P,)`, and half widths
    of their 95% t intervals, `(K,)` each.

    The variance is that of the linearized ratio, twice: the models are fitted to the same
    identities, and other ones would change them about as much as the sums. With 5 to 20 identities
    such intervals cover 87 to 100%; with the variance once, or by percentiles of resampled sums, 71
    to 85% of strong effects.

    >>> share, half = ratio_intervals(np.array([[1.0, 2.0, 3.0]]), np.array([4.0, 4.0, 4.0]))
    >>> float(share[0]), round(float(half[0]), 4)  # 4.3027 sqrt(2 x 2 / 16 / 6)
    (0.5, 0.8783)
    """
    people = len(whole)
    share = parts.sum(axis=1) / whole.sum()
    apart = (parts - share[:, None] * whole) / whole.mean()
    error = np.sqrt(2 * (apart**2).sum(axis=1) / (people * (people - 1)))
    return share, half_widths(error, np.array(people - 1.0))


def one_hot(levels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Level numbers `(N, K)` as `(N, sum of levels) float32`, with a column for each level that
    `like` has."""
    return np.hstack(
        [
            levels[:, [k]] == np.arange(int(like[:, k].max()) + 1)[None, :]
            for k in range(levels.shape[1])
        ]
    ).astype(np.float32)


def fit_booster(features: np.ndarray, values: np.ndarray, **settings: Any) -> Any:
    """A boosted regression on `(N, F)`; one thread and no sampling, so that a rerun gives the same
    trees."""
    return make_booster()(**{**SETTINGS, "n_jobs": 1, "random_state": 0, **settings}).fit(
        features, values
    )


def make_booster() -> Any:
    """xgboost's regressor; AnalysisError naming the extra where it is not installed."""
    try:
        from xgboost import XGBRegressor
    except ImportError as error:
        raise AnalysisError(
            'This needs xgboost, which is not installed: pip install "gprplus[analysis]", or leave'
            " it out."
        ) from error
    return XGBRegressor
