"""Where things stand in a plot: slow twins and hand-worked places."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprplus.reporting.figures.dose_plot import build_dose_plot
from gprplus.reporting.figures.plots import (
    build_forest_plot,
    build_heat_map,
    build_ladder_plot,
    plot_axis,
)
from gprplus.reporting.findings import list_findings
from gprplus.reporting.mismatch import MismatchContrast, mismatch_contrast, mismatch_sentence
from gprplus.statistics.effects import compute_effects
from tests.support.records import split_of
from tests.support.scored_experiment import experiment


def test_scores_are_drawn_against_shares_of_the_second_end_target_by_target():
    names = ["path-0", "path-50", "path-100"]
    level = dict(zip(names, (0.3, 0.5, 0.4), strict=True))
    path = {"from": ["sunny"], "to": ["foggy"]}
    split = split_of(*names, design="path", reference="path-0", path=path)
    found = compute_effects(*experiment(level, targets=("self", "street"), noise=0.002), split)
    plot = build_dose_plot(found.dose.to_pylist(), split)
    assert (plot.start, plot.end, plot.shares) == ("sunny", "foggy", [0, 0.5, 1])
    assert [plot.at(share) for share in plot.shares] == [4, 50, 96]
    own, street = plot.lines
    assert own.verdict == "own test set: best at 50%, 95% set 50%"
    assert plot.text(street, street.points[1]).startswith("street, 50% foggy: mAP 5")
    assert plot.text(street, street.points[1]).endswith("the best of the path")
    assert plot.mark(0) != plot.mark(1)
    assert build_dose_plot(found.dose.to_pylist(), replace(split, path=None)) is None


def test_the_heat_map_equals_a_slow_loop(world):
    outcome = world.read()
    found = build_heat_map(outcome.queries, outcome.split, "self")
    assert found.arms == (*(f"only-{level}" for level in world.levels), "mix")
    for i, arm in enumerate(found.arms):
        for j, level in enumerate(world.levels):
            values = [
                ap
                for (name, _), scores in world.ap.items()
                for ap, query_level in zip(scores, world.query_levels, strict=True)
                if name == arm and query_level == level
            ]
            assert found.cells[i][j] == pytest.approx(sum(values) / len(values), abs=1e-12)
        assert found.row_means[i] == pytest.approx(np.mean(found.cells[i]))
    for j, level in enumerate(world.levels):
        assert found.queries[j] == (world.query_levels == level).sum()
        assert found.column_means[j] == pytest.approx(
            np.mean([line[j] for line in found.cells[:-1]])
        ), "without mix"


def test_matched_cells_are_those_on_the_diagonal(world):
    outcome = world.read()
    found = build_heat_map(outcome.queries, outcome.split, "self")
    framed = [
        (i, j)
        for i in range(len(found.arms))
        for j in range(len(found.levels))
        if found.matched(i, j)
    ]
    assert framed == [(0, 0), (1, 1), (2, 2)]


def test_the_mismatch_equals_a_slow_loop(world):
    outcome = world.read()
    found = mismatch_contrast(outcome.queries, outcome.split, "self")
    own, other = [], []
    for (arm, _), scores in world.ap.items():
        for ap, level in zip(scores, world.query_levels, strict=True):
            if arm.startswith("only-"):
                (own if arm == f"only-{level}" else other).append(ap)
    assert found.own == pytest.approx(np.mean(own))
    assert found.other == pytest.approx(np.mean(other))
    assert found.low < found.difference < found.high
    assert found.low > 0, "the fixture gives arms of the query's own level an advantage"
    sentence = mismatch_sentence(found, "weather")
    assert sentence.startswith(
        f"Queries score {100 * found.own:.1f} with the arm of their own weather,"
    )
    assert f"95% interval +{100 * found.low:.1f} to +{100 * found.high:.1f}." in sentence


def test_a_mismatch_around_zero_is_not_distinguishable():
    assert mismatch_sentence(MismatchContrast(0.5, 0.49, -0.01, 0.03), "hour").endswith(
        "a difference of +1.0, 95% interval −1.0 to +3.0, which is not distinguishable from none."
    )
    assert "there is no conclusion" in mismatch_sentence(
        MismatchContrast(0.5, 0.49, None, None), "hour"
    )
    assert mismatch_sentence(None, "hour") == ""


def test_one_level_alone_has_no_mismatch(world):
    outcome = world.read()
    assert (
        mismatch_contrast(outcome.queries, replace(outcome.split, levels=["sunny"]), "self") is None
    )


def test_shades_run_from_the_lowest_cell_to_the_highest(world):
    outcome = world.read()
    found = build_heat_map(outcome.queries, outcome.split, "self")
    shades = [found.shade(value) for line in found.cells for value in line]
    assert (min(shades), max(shades), found.shade(None)) == (0.0, 1.0, 0.0)


def test_a_target_that_does_not_know_the_levels_has_no_heat_map(world):
    outcome = world.read()
    assert build_heat_map(outcome.queries, outcome.split, "market") is None


def test_the_forest_shows_every_seed_and_sets_controls_last(world):
    outcome = world.read()
    plot = build_forest_plot(
        list_findings(outcome.contrasts), outcome.results.to_pylist(), outcome.split
    )
    assert [effect.arm for effect in plot.effects][-1] == "random-images"
    assert plot.ranked, "weathers have no order of their own"
    differences = [effect.difference for effect in plot.effects[:-1]]
    assert differences == sorted(differences)
    for effect in plot.effects:
        arm = {"random-images": "random-images-1"}.get(effect.arm, effect.arm)
        by_hand = [world.ap[arm, seed].mean() - world.ap["mix", seed].mean() for seed in (0, 1)]
        assert effect.seeds == pytest.approx(by_hand)
        assert all(
            0 <= plot.axis.at(value) <= 100
            for value in (effect.low, effect.high, *effect.seeds, 0.0)
        )


def test_ordered_levels_keep_their_order(world):
    outcome = world.read()
    plot = build_forest_plot(
        list_findings(outcome.contrasts),
        outcome.results.to_pylist(),
        replace(outcome.split, attribute="illumination"),
    )
    assert not plot.ranked
    assert [effect.arm for effect in plot.effects][:3] == [
        f"only-{level}" for level in world.levels
    ]


def test_without_intervals_there_is_no_forest(declared):
    rows = declared(("only-foggy", -0.02, None, None), ("mix",)).to_pylist()
    assert build_forest_plot(list_findings(rows), [], split_of()) is None


def test_a_ladder_has_a_line_for_each_rule_about_images(summary):
    rungs = [
        ("ids-8", {"train_identities": 8, "train_images": 96}),
        ("ids-32", {"train_identities": 32, "train_images": 96}),
        ("ids-32-all", {"train_identities": 32, "train_images": 384}),
    ]
    plot = build_ladder_plot(
        summary(*rungs).to_pylist(), split_of(*(rung[0] for rung in rungs), attribute="identity")
    )
    assert [(title, [step.arm for step in steps]) for title, steps in plot.lines] == [
        ("96 images", ["ids-8", "ids-32"]),
        ("all their images", ["ids-32-all"]),
    ]
    assert plot.identities == [8, 32]
    assert plot.at(16) == pytest.approx((plot.at(8) + plot.at(32)) / 2), (
        "each doubling is as wide as the last"
    )
    assert (
        build_ladder_plot(
            summary(*rungs).to_pylist(), split_of(*(rung[0] for rung in rungs), attribute="weather")
        )
        is None
    )


scores = st.floats(-1, 1, allow_nan=False).map(lambda value: round(value, 4))


@given(st.lists(scores, min_size=1, max_size=8))
def test_an_axis_holds_its_values_and_round_ticks(values):
    found = plot_axis([0.0, *values])
    assert all(0 <= found.at(value) <= 100 for value in values)
    assert 2 <= len(found.ticks) <= 12
    assert 0.0 in found.ticks
    assert all(found.low <= tick <= found.high for tick in found.ticks)
