"""Scrambled columns on persons held out, against scikit-learn and against truths that are known."""

import numpy as np
import pytest
from scipy import stats
from sklearn.inspection import permutation_importance

from gprplus.analysis import permutation


def factorial(people=12, sizes=(4, 3, 2), effects=(0.0, 1.0, 3.0), noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    place = np.stack([axis.ravel() for axis in np.indices((people, *sizes))], axis=1)
    values = sum(scale * place[:, k + 1] for k, scale in enumerate(effects)) + noise * rng.normal(
        size=len(place)
    )
    return values, place[:, 1:], place[:, 0]


def test_the_order_of_the_effects_is_found_and_a_factor_that_does_nothing_scores_like_its_shadow():
    fitted, drops = permutation.permutation_importance(
        *factorial(), ["view", "weather", "light"], np.random.default_rng(0)
    )
    assert [drop.factor for drop in drops] == ["light", "weather", "view"]
    assert fitted > 0.9
    idle = drops[-1]
    assert idle.low <= 0.02
    assert abs(idle.drop) < 0.05 * drops[1].drop
    assert drops[1].low > drops[1].null_high


def test_a_drop_is_what_scikit_learn_measures_on_the_same_model():
    values, levels, people = factorial()
    held = people >= 9
    columns = permutation.one_hot(levels, levels)
    model = permutation.fit_booster(columns[~held], values[~held])

    class Whole:
        def fit(self, x, y):
            return self

        def predict(self, x):
            return model.predict(permutation.one_hot(x.astype(int), levels))

        def score(self, x, y):
            return 1 - ((self.predict(x) - y) ** 2).sum() / ((y - values[~held].mean()) ** 2).sum()

    theirs = permutation_importance(
        Whole(), levels[held], values[held], n_repeats=30, random_state=0
    ).importances_mean
    _, drops = permutation.permutation_importance(
        values, levels, people, ["view", "weather", "light"], np.random.default_rng(1)
    )
    ours = {drop.factor: drop.drop for drop in drops}
    assert [ours[name] for name in ("weather", "light")] == pytest.approx(theirs[1:], rel=0.25)


def test_the_interval_of_a_drop_is_that_of_a_ratio_with_the_variance_of_the_models():
    """Three identities, with sums of squares 2, 4 and 6 and rises 1, 2 and 6: the share is 9 / 12,
    the deviations 1 - 1.5, 2 - 3 and 6 - 4.5 over a mean of 4 are -1/8, -2/8 and 3/8, and the
    variance 14 / 64 / 6 counts twice. Rises in proportion to the squares have no error."""
    share, half = permutation.ratio_intervals(
        np.array([[1.0, 2.0, 6.0], [1.0, 2.0, 3.0]]), np.array([2.0, 4.0, 6.0])
    )
    assert share == pytest.approx([0.75, 0.5])
    assert half == pytest.approx([stats.t.ppf(0.975, 2) * np.sqrt(14 / 64 / 3), 0])


def test_nothing_is_learnt_of_a_person_not_seen():
    # All variance lies between persons: a model that had seen them would explain it, on others R^2
    # is at most 0.
    rng = np.random.default_rng(0)
    _, levels, people = factorial()
    fitted, drops = permutation.permutation_importance(
        rng.normal(size=12)[people], levels, people, ["a", "b", "c"], rng
    )
    assert fitted < 0.05
    assert all(abs(drop.drop) < 0.1 for drop in drops)


def test_the_same_generator_gives_the_same_numbers():
    first, second = (
        permutation.permutation_importance(
            *factorial(8), ["a", "b", "c"], np.random.default_rng(5), rounds=1
        )
        for _ in range(2)
    )
    assert first == second
