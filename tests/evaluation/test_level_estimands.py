"""Own level and transfer: hand-worked cells, and whole worlds against a naive double loop."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from gprplus import statistics
from gprplus.reporting.contrast_tables import table_sections
from gprplus.reporting.sections.table_section import PLAN
from gprplus.statistics import contrasts, multiplicity
from gprplus.statistics.effects import compute_effects
from gprplus.statistics.levels.level_estimands import CellContrast, level_contrasts
from gprplus.statistics.levels.level_scores import LevelScores, estimate_cells, level_tests
from tests.support.records import split_of
from tests.support.scored_experiment import experiment, rows

ONLY = split_of("mix", "only-a", "only-b", "only-c").arms


def found(arms, levels="abc"):
    return {(one.family, one.name): one for one in level_contrasts(arms, "mix", list(levels))}


def value(contrast, means):
    """The contrast of mean scores by (arm, level), term by term."""
    return sum(weight * means[cell] for cell, weight in contrast.cells.items())


MEANS = {
    **{("mix", level): score for level, score in zip("abc", (0.5, 0.6, 0.7), strict=True)},
    **{("only-a", level): score for level, score in zip("abc", (0.8, 0.3, 0.2), strict=True)},
    **{("only-b", level): score for level, score in zip("abc", (0.4, 0.7, 0.1), strict=True)},
    **{("only-c", level): score for level, score in zip("abc", (0.1, 0.2, 0.9), strict=True)},
}


def test_own_level_is_the_specialist_on_its_level_against_the_reference_there():
    own = found(ONLY)
    assert value(own["own level", "only-a"], MEANS) == pytest.approx(0.8 - 0.5)
    assert value(own["own level", "only-c"], MEANS) == pytest.approx(0.9 - 0.7)
    assert value(own["own level, mean", "all arms"], MEANS) == pytest.approx((0.3 + 0.1 + 0.2) / 3)


def test_transfer_is_on_the_levels_that_the_arm_has_not_seen():
    over = found(ONLY)
    assert value(over["transfer", "only-a"], MEANS) == pytest.approx((0.3 + 0.2 - 0.6 - 0.7) / 2)
    assert value(over["transfer, mean", "all arms"], MEANS) == pytest.approx(
        (-0.4 - 0.35 - 0.4) / 3
    )


def test_arms_are_compared_among_themselves_only_where_neither_has_seen_the_level():
    among = found(ONLY)
    # only-a on b against only-c on b, and on c against only-b on c
    assert value(among["transfer, unseen by both", "only-a"], MEANS) == pytest.approx(
        (0.3 - 0.2 + 0.2 - 0.1) / 2
    )
    both = ONLY | split_of(arms={"without-a": {"kind": "without", "levels": ["b", "c"]}}).arms
    means = MEANS | {("without-a", level): 0.35 for level in "abc"}
    assert ("own level", "without-a") not in found(both), (
        "arms of one level are the ones that the mean is about"
    )
    left_out = found(both)["transfer, unseen by both", "without-a"]
    assert value(left_out, means) == pytest.approx(0.35 - (0.4 + 0.1) / 2), (
        "the other arms on a, without only-a"
    )


def test_arms_without_a_set_of_levels_take_no_part():
    arms = ONLY | split_of("random-images-1").arms
    assert {name for _, name in found(arms)} == {"all arms", "only-a", "only-b", "only-c"}
    assert level_contrasts(split_of("mix").arms, "mix", ["a", "b"]) == []


def test_the_weights_of_every_contrast_sum_to_zero():
    for one in found(ONLY).values():
        assert sum(one.cells.values()) == pytest.approx(0)


def test_only_tests_of_one_level_are_taken():
    shared = {"protocol": "camera", "queries": 4, "gallery": 8, "groups": ["query", "gallery"]}
    tests = {
        "self:a>b": {"kind": "cross", "query_level": "a", "gallery_level": "b"} | shared,
        "self:a>a": {"kind": "cross", "query_level": "a", "gallery_level": "a"} | shared,
        "self:without-random": {"kind": "removal"} | shared,
    }
    assert level_tests(split_of(tests=tests)) == {"a": "self:a>a"}


def scores(rng, seeds=3, sizes=(12, 18, 24), identities=6):
    arms = tuple(ONLY)
    values = {
        level: rng.uniform(size=(len(arms), seeds, size))
        for level, size in zip("abc", sizes, strict=True)
    }
    return LevelScores(
        arms,
        values,
        {level: np.arange(size) % identities for level, size in zip("abc", sizes, strict=True)},
    )


def test_values_are_the_means_of_cells_whatever_the_number_of_queries():
    made = scores(np.random.default_rng(1))
    means = {
        (arm, level): made.means(level)[i].mean()
        for i, arm in enumerate(made.arms)
        for level in "abc"
    }
    every = level_contrasts(ONLY, "mix", list("abc"))
    judged = estimate_cells(made, every, np.random.default_rng(2))
    assert judged.value == pytest.approx([value(one, means) for one in every])
    assert judged.null.shape == (contrasts.DRAWS, len(every))


def test_one_level_is_the_ordinary_contrast_of_arms_on_it():
    made = scores(np.random.default_rng(3))
    cells = [
        CellContrast("", arm, "", {(arm, "b"): 1.0, ("mix", "b"): -1.0}) for arm in made.arms[1:]
    ]
    here = estimate_cells(made, cells, np.random.default_rng(4))
    arms = np.eye(4)[1:] - np.eye(4)[0]
    plain = contrasts.estimate_contrasts(
        statistics.ScoreArray(made.values["b"], made.identities["b"]),
        arms,
        np.random.default_rng(4),
    )
    for name in ("value", "std_error", "df", "null"):
        assert getattr(here, name) == pytest.approx(getattr(plain, name))


def test_a_mean_over_levels_counts_identities_as_clusters_over_all_of_them():
    """One identity's shift on all levels does not average out: the same identities searched in more
    levels."""
    rng = np.random.default_rng(5)
    shift = rng.normal(0, 0.1, 8)
    arms, queries = ("mix", "only-a", "only-b", "only-c"), np.arange(8)
    values = {level: np.zeros((4, 4, 8)) + rng.normal(0, 1e-4, (4, 4, 1)) for level in "abc"}
    for level, one in zip("abc", (1, 2, 3), strict=True):
        values[level][one] += shift
    made = LevelScores(arms, values, dict.fromkeys("abc", queries))
    mean = level_contrasts(ONLY, "mix", list("abc"))[0]
    judged = estimate_cells(made, [mean], rng)
    assert judged.std_error[0] == pytest.approx(shift.std(ddof=1) / np.sqrt(8), rel=0.01)
    assert judged.value[0] == pytest.approx(shift.mean(), abs=1e-3)


def test_together_keeps_each_contrast_in_its_place():
    made = scores(np.random.default_rng(6))
    cells = [
        CellContrast("", f"{arm}{level}", "", {(arm, level): 1.0, ("mix", level): -1.0})
        for arm, level in product(made.arms[1:], "abc")
    ]
    judged = estimate_cells(made, cells, np.random.default_rng(7))
    each = [made.means(one.name[-1]).mean(axis=1)[made.arms.index(one.name[:-1])] for one in cells]
    base = [made.means(one.name[-1]).mean(axis=1)[0] for one in cells]
    assert judged.value == pytest.approx(np.subtract(each, base))
    rows = multiplicity.family_figures(judged, 0.01)
    assert all(
        row["family_low"] <= row["low"] and row["high"] <= row["family_high"] for row in rows
    )


SIZES = (20, 80)
SCALING = split_of(
    design="scaling",
    reference="mix-80",
    arms={
        f"{name}-{size}": {"kind": kind, "levels": list(levels), "images": size}
        for name, kind, levels in (
            ("only-a", "only", "a"),
            ("only-b", "only", "b"),
            ("mix", "mix", "abc"),
        )
        for size in SIZES
    },
)


def test_arms_of_several_sizes_are_compared_with_those_of_their_size():
    """Only the number of images matters here: 0.3 for 20 and 0.6 for 80, so that every difference
    between arms of one size is 0."""
    among = found(SCALING.arms)
    means = {
        (arm, level): {20: 0.3, 80: 0.6}[one.images]
        for arm, one in SCALING.arms.items()
        for level in "abc"
    }
    assert {name for family, name in among if family == "transfer, unseen by both"} == {
        f"only-{level}-{size}" for level in "ab" for size in SIZES
    }
    assert len(among) == 2 * (4 + 1) + 4
    for one in among.values():
        assert value(one, means) == pytest.approx(0)
    assert among["own level", "only-a-20"].formula.startswith("S(only-a-20) - S(mix-20),")
    assert "S(mixture of the same size)" in among["own level, mean", "all arms"].formula


def test_the_matrix_of_several_sizes_has_a_reference_of_each():
    level = {name: 0.3 + 0.002 * one.images for name, one in SCALING.arms.items()}
    facts = {"protocol": "camera", "queries": 24, "gallery": 8, "groups": ["query", "gallery"]}
    tests = {
        f"self:{one}>{one}": {"kind": "cross", "query_level": one, "gallery_level": one} | facts
        for one in "ab"
    }
    split = replace(SCALING, tests=split_of(tests=tests).tests)
    run = experiment(level, targets=("self", *tests), noise=1e-4)
    matrix = rows(compute_effects(*run, split).levels)
    gaps = {(row["arm"], row["level"]): row["difference"] for row in matrix}
    assert {arm for (arm, _), gap in gaps.items() if gap is None} == {"mix-20", "mix-80"}
    assert [gap for gap in gaps.values() if gap is not None] == pytest.approx([0] * 8, abs=1e-3)


def test_three_estimands_share_the_error_only_where_the_verdict_has_them():
    """A path has tests of single levels, and no contrast on them: its verdict and its plan have one
    estimand."""
    facts = {"protocol": "camera", "queries": 24, "gallery": 8, "groups": ["query", "gallery"]}
    tests = {"self:a>a": {"kind": "cross", "query_level": "a", "gallery_level": "a"} | facts}
    path = split_of("path-0", "path-100", design="path", reference="path-0", tests=tests)
    only = split_of("only-a", "only-b", "mix", reference="mix", tests=tests)
    for split, shared in ((path, False), (only, True)):
        run = experiment(dict.fromkeys(split.arms, 0.5), targets=("self", "self:a>a"))
        effects = compute_effects(*run, split)
        tables = {name: getattr(effects, name) for name in ("contrasts", "components", "levels")}
        assert rows(effects.levels)
        (plan,) = (one for one in table_sections(tables) if one.kind == PLAN)
        assert ("3 estimands" in plan.note) == shared
