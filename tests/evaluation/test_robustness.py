"""Effects without each target and on the logit scale, and the best share of a path."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import special

from gprplus.reporting.contrast_tables import table_sections
from gprplus.reporting.sections.target_tables import best_share
from gprplus.reporting.sentences.logit_sentence import logit_sentence
from gprplus.statistics import ScoreArray, identity_variance, learning_curves
from gprplus.statistics import best_share as shares
from gprplus.statistics.effects import compute_effects
from gprplus.statistics.robustness.logit_scale import logit_scores
from tests.support.records import split_of
from tests.support.scored_experiment import experiment, rows

ONLY = split_of("only-a", "only-b", "mix", design="only", reference="mix")
LEVEL = {"only-a": 0.3, "only-b": 0.5, "mix": 0.5}
RUNS = {"mix": (-1, -1), "restrict-a": (1, -1), "restrict-b": (-1, 1), "restrict-a+b": (1, 1)}


def factorial():
    factors = {
        letter: {"attribute": name, "restricted": []}
        for letter, name in {"A": "weather", "B": "light"}.items()
    }
    runs = {name: dict(zip("AB", signs, strict=True)) for name, signs in RUNS.items()}
    facts = {"factors": factors, "runs": runs}
    return split_of(*RUNS, design="factorial", reference="mix", factorial=facts)


def scored(level, rng, persons=30, seeds=3, noise=0.01):
    """Scores `(A, S, Q)` of arms that each identity, seed and query moves a little."""
    shape = (len(level), seeds, persons)
    moved = rng.normal(0, 2 * noise, persons) + rng.normal(0, noise, (len(level), 1, persons))
    moved = moved + rng.normal(0, noise / 2, (*shape[:2], 1)) + rng.normal(0, noise, shape)
    return ScoreArray(np.array(level)[:, None, None] + moved, np.arange(persons))


def test_without_a_target_an_effect_is_that_of_an_experiment_without_it():
    results, queries = experiment(LEVEL, targets=("self", "market", "msmt", "cuhk"))
    found = compute_effects(results, queries, ONLY)
    kept = results.filter(pc.field("target") != "msmt")
    fewer = {run: part.filter(pc.field("target") != "msmt") for run, part in queries.items()}
    alone = {row["contrast"]: row for row in rows(compute_effects(kept, fewer, ONLY).pooled)}
    without = [row for row in rows(found.left_out) if row["without"] == "msmt"]
    assert [row["contrast"] for row in without] == list(alone)
    for row in without:
        other = alone[row["contrast"]]
        assert [row[key] for key in ("targets", "value", "low", "high")] == pytest.approx(
            [other[key] for key in ("targets", "value", "low", "high")]
        )


def test_of_two_targets_the_one_that_is_left_speaks_for_itself():
    found = compute_effects(*experiment(LEVEL, targets=("self", "market", "msmt")), ONLY)
    one = {row["contrast"]: row for row in rows(found.contrasts) if row["target"] == "market"}
    for row in rows(found.left_out):
        if row["without"] == "msmt":
            other = one[row["contrast"]]
            assert [row["value"], row["low"], row["high"]] == pytest.approx(
                [other["value"], other["low"], other["high"]]
            )


def test_the_target_that_carries_a_verdict_is_named():
    """Three targets agree on a loss of a fifth, and one has a gain: without it there is a loss."""
    results, queries = experiment(LEVEL, targets=("t0", "t1", "t2", "odd"), noise=0.004)
    turned = {
        run: _with_gain(part) if run[0] == "only-a" else part for run, part in queries.items()
    }
    found = compute_effects(results, turned, ONLY)
    (lost,) = (row for row in rows(found.pooled) if row["contrast"] == "only-a")
    assert lost["low"] < 0 < lost["high"]
    changed = {
        row["without"]: row["verdict"]
        for row in rows(found.left_out)
        if row["contrast"] == "only-a" and row["verdict"] != row["verdict_of_all"]
    }
    assert changed == {"odd": "lower"}
    sections = table_sections({"pooled": found.pooled, "left_out": found.left_out})
    assert [one.title for one in sections] == ["Over all targets", "Without each target"]
    assert next(line for line in sections[0].rows if line[0].startswith("only-a"))[-1] == "odd"


def _with_gain(part):
    odd = pc.equal(part.column("target"), "odd")
    moved = pc.if_else(odd, pc.add(part.column("AP"), 0.5), part.column("AP"))
    return part.set_column(part.column_names.index("AP"), "AP", moved)


def test_an_interaction_of_multiplied_odds_is_one_of_the_scale():
    """Both restrictions multiply the odds by 4: scores 1/2, 4/5, 4/5 and 16/17, so that in points
    the interaction is (16/17 - 4/5 - 4/5 + 1/2) / 2 = -0.079, and in logits 0."""
    level = dict(zip(RUNS, (1 / 2, 4 / 5, 4 / 5, 16 / 17), strict=True))
    found = compute_effects(*experiment(level, noise=0.008), factorial())
    points = {row["contrast"]: row for row in rows(found.contrasts)}
    logit = {row["contrast"]: row for row in rows(found.logit) if row["family"] != "Shapley"}
    pair, other = "weather x light", "weather"
    assert points[pair]["value"] == pytest.approx((16 / 17 - 1.1) / 2, abs=0.01)
    assert (points[pair]["verdict"], logit[pair]["verdict"]) == ("lower", "undecided")
    assert logit[pair]["family_low"] < 0 < logit[pair]["family_high"]
    assert logit[other]["value"] == pytest.approx(np.log(4), abs=0.1)
    assert (logit[pair]["holds"], logit[other]["holds"]) == (False, True)
    sentence = logit_sentence([logit[pair]], [points[pair]])
    assert "no longer excludes 0" in sentence
    assert "scale of the score alone" in sentence
    section = next(
        one
        for one in table_sections({"contrasts": found.contrasts, "logit": found.logit})
        if one.kind == "interactions"
    )
    assert sentence in section.note
    assert section.headers[-2:] == ["logit", "95% simultaneous"]


def test_an_interaction_in_the_odds_is_seen_on_both_scales():
    level = dict(zip(RUNS, (0.5, 0.6, 0.6, 0.3), strict=True))
    found = compute_effects(*experiment(level, noise=0.008), factorial())
    (pair,) = (row for row in rows(found.logit) if row["family"] == "interactions")
    (point,) = (row for row in rows(found.contrasts) if row["family"] == "interactions")
    assert (pair["verdict"], point["verdict"], pair["holds"]) == ("lower", "lower", True)
    assert "also excludes 0" in logit_sentence([pair], [point])


def test_a_score_of_1_has_no_logit():
    level = dict(zip(RUNS, (0.5, 0.6, 0.6, 0.7), strict=True))
    found = compute_effects(*experiment(level), factorial())
    assert not rows(found.logit, "rank1")
    assert rows(found.logit, "mAP")


def test_the_error_of_a_logit_is_that_of_resampled_identities():
    rng = np.random.default_rng(3)
    array = scored([0.2, 0.9], rng, persons=60, noise=0.02)
    there = logit_scores(array).values.mean(axis=1)
    deviation = (there[1] - there[0]).std(ddof=1) / np.sqrt(60)
    drawn = array.values.mean(axis=1)[:, rng.integers(0, 60, (4000, 60))].mean(axis=2)
    again = np.log(drawn / (1 - drawn))
    assert deviation == pytest.approx((again[1] - again[0]).std(), rel=0.05)


@pytest.mark.parametrize(
    ("level", "best"),
    [
        ([0.38, 0.415, 0.42, 0.415, 0.38], [2]),
        ([0.4] * 5, [0, 1, 2, 3, 4]),
        ([0.38, 0.39, 0.4, 0.42, 0.43], [4]),
    ],
)
def test_the_set_of_best_shares_covers_the_best(level, best):
    rng, trials = np.random.default_rng(7), 60
    kept = [
        shares.shares_that_may_be_best(scored(level, rng), range(5), rng, draws=200)
        for _ in range(trials)
    ]
    inside = np.mean(kept, axis=0)
    assert (inside[best] >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / trials)).all()
    far = [k for k in range(5) if level[k] < max(level) - 0.025]
    assert (inside[far] < 0.2).all(), "a share that is far from the best is left out"


def test_a_path_has_its_best_share_on_every_target():
    names = [f"path-{share}" for share in (0, 25, 50, 75, 100)]
    split = split_of(*names, design="path", reference="path-0")
    level = dict(zip(names, (0.3, 0.5, 0.6, 0.5, 0.3), strict=True))
    found = compute_effects(*experiment(level, targets=("self", "street"), noise=0.004), split)
    for target in ("self", "street"):
        mine = [row for row in rows(found.dose) if row["target"] == target]
        assert [row["share"] for row in mine] == [0, 0.25, 0.5, 0.75, 1]
        assert best_share(mine) == ("50%", "50%")
    (section,) = table_sections({"dose": found.dose})
    assert section.rows[0][-2:] == ["50%", "50%"]
    one = compute_effects(*experiment(level, seeds=(0,)), split)
    assert best_share(rows(one.dose))[1] == "–", "one seed: nothing is known of the noise"


def test_a_share_without_noise_is_not_shown_to_be_beaten():
    """Two shares score 0.4 and 0.9 on every query and seed, so nothing is known of the noise of
    their difference; the third, which varies over identities, is beaten by the second."""
    noisy = scored([0.4, 0.9, 0.3], np.random.default_rng(1))
    values = noisy.values.copy()
    values[:2], values[2] = np.array([0.4, 0.9])[:, None, None], values[2, 0]
    rng = np.random.default_rng(0)
    kept = shares.shares_that_may_be_best(ScoreArray(values, noisy.identity), range(3), rng, 200)
    assert kept.tolist() == [True, True, False]
    values[2] = 0.3
    nothing = ScoreArray(values, noisy.identity)
    assert shares.shares_that_may_be_best(nothing, range(3), rng, 200) is None


def test_effects_are_pooled_over_the_seeds_that_all_targets_have():
    """One target lacks seed 1, the other seed 2: the trainings of seeds 0 and 3 are compared."""
    results, queries = experiment(LEVEL, seeds=(0, 1, 2, 3), targets=("market", "msmt"))
    lacking = {"market": 1, "msmt": 2}
    kept = [row["seed"] != lacking[row["target"]] for row in results.to_pylist()]
    found = compute_effects(results.filter(pa.array(kept)), queries, ONLY)
    both = [row["seed"] in (0, 3) for row in results.to_pylist()]
    exact = compute_effects(results.filter(pa.array(both)), queries, ONLY)
    assert rows(found.pooled) == rows(exact.pooled)
    assert len(rows(found.pooled)) == 2


def test_curves_take_identities_as_uncertain_as_a_t_interval_does():
    """Of four identities with 1, 1, 2 and 4 queries: the shifts of two arms have the standard errors
    of their scores, and the quantile of t with 64 / 22 - 1 degrees of freedom."""
    identity = np.repeat(np.arange(4), (1, 1, 2, 4))
    one = ScoreArray(np.random.default_rng(2).random((2, 3, 8)), identity)
    shifts = learning_curves._identity_shifts(one, 40_000, np.random.default_rng(3))
    error = np.sqrt(np.diag(identity_variance.identity_variance(one).covariance))
    reach = np.quantile(np.abs(shifts) / error, 0.95, axis=0)
    assert reach == pytest.approx(special.stdtrit(64 / 22 - 1, 0.975) * np.ones(2), rel=0.03)


def test_a_curve_of_an_effective_identity_alone_has_no_interval():
    sizes = (10, 20, 40, 80)
    names = [f"mix-{size}" for size in sizes]
    arms = {name: {"kind": "mix", "images": size} for name, size in zip(names, sizes, strict=True)}
    split = split_of(design="scaling", reference="mix-80", arms=arms)
    level = dict(zip(names, (0.3, 0.4, 0.45, 0.47), strict=True))
    results, queries = experiment(level, persons=2)
    (row,) = rows(compute_effects(results, queries, split).curves)
    assert row["ceiling_low"] < row["ceiling"]
    lopsided = {run: part.take([0, 2, *[3] * 9]) for run, part in queries.items()}
    (row,) = rows(compute_effects(results, lopsided, split).curves)
    assert row["ceiling"] is not None
    assert row["ceiling_low"] is None
