"""From runs to the tables of contrasts, components, curves and pooled effects."""

import numpy as np
import pytest

from gprplus import schema
from gprplus.statistics.effects import compute_effects
from gprplus.statistics.summary import summarize
from tests.support.records import split_of
from tests.support.scored_experiment import experiment, rows

ONLY = split_of("only-a", "only-b", "mix", design="only", reference="mix")


def test_every_table_has_its_columns_whatever_there_is_to_say():
    found = compute_effects(*experiment({"only-a": 0.3, "mix": 0.5}, seeds=(0,)), ONLY)
    for name in ("contrasts", "components", "curves", "pooled"):
        assert getattr(found, name).schema.equals(schema.arrow_schema(schema.TABLES[name])), name


def test_a_loss_an_equal_and_a_margin_are_told_apart():
    found = compute_effects(
        *experiment({"only-a": 0.3, "only-b": 0.5, "mix": 0.5}, noise=0.004), ONLY, margin=0.05
    )
    lost, same = rows(found.contrasts)
    assert (lost["verdict"], same["verdict"]) == ("lower", "equivalent")
    assert lost["value"] == pytest.approx(-0.2, abs=0.02)
    assert lost["family_low"] <= lost["low"] < lost["high"] <= lost["family_high"]
    assert lost["p_max"] >= lost["p"]


def test_a_difference_has_one_interval_wherever_it_stands():
    told = experiment({"only-a": 0.3, "only-b": 0.5, "mix": 0.5}, targets=("self", "street"))
    summary = {(row["target"], row["arm"]): row for row in summarize(*told, "mix").to_pylist()}
    for metric in ("mAP", "rank1"):
        for row in rows(compute_effects(*told, ONLY).contrasts, metric):
            if row["family"] == "sufficiency":
                beside = summary[row["target"], row["contrast"]]
                names = [f"{metric}_difference{end}" for end in ("", "_low", "_high")]
                assert [beside[name] for name in names] == pytest.approx(
                    [row["value"], row["low"], row["high"]]
                )


def test_one_seed_gives_values_and_no_verdict():
    found = compute_effects(
        *experiment({"only-a": 0.3, "only-b": 0.5, "mix": 0.5}, seeds=(0,)), ONLY
    )
    for row in rows(found.contrasts):
        assert row["verdict"] == "unknown"
        assert row["low"] is row["p"] is row["p_equivalence"] is None
    assert not rows(found.components)


def test_rank_1_that_is_always_right_is_a_difference_of_nothing():
    for row in rows(
        compute_effects(*experiment({"only-a": 0.3, "mix": 0.5}), ONLY).contrasts, "rank1"
    ):
        assert row["value"] == 0
        assert row["verdict"] in ("equivalent", "unknown")


def test_the_order_of_rows_changes_nothing():
    results, queries = experiment({"only-a": 0.3, "only-b": 0.5, "mix": 0.5})
    order = np.random.default_rng(1)
    shuffled = {run: part.take(order.permutation(len(part))) for run, part in queries.items()}
    assert compute_effects(results, queries, ONLY).contrasts.equals(
        compute_effects(results, shuffled, ONLY).contrasts
    )


def test_effects_are_pooled_over_targets_but_not_over_the_split_s_own():
    targets = ("self", "market", "msmt", "cuhk")
    found = compute_effects(
        *experiment({"only-a": 0.3, "only-b": 0.5, "mix": 0.5}, targets=targets), ONLY
    )
    lost = next(row for row in rows(found.pooled) if row["contrast"] == "only-a")
    assert lost["targets"] == 3
    assert lost["value"] == pytest.approx(-0.24, abs=0.02)
    assert lost["expected_low"] < lost["low"] < lost["high"] < lost["expected_high"] < 0
    assert not rows(
        compute_effects(
            *experiment({"only-a": 0.3, "mix": 0.5}, targets=("self", "market")), ONLY
        ).pooled
    )


def test_a_factorial_has_effects_that_add_up():
    names = {
        "mix": (-1, -1),
        "restrict-weather": (1, -1),
        "restrict-light": (-1, 1),
        "restrict-weather+light": (1, 1),
    }
    known = {
        "factors": {
            "A": {"attribute": "weather", "restricted": []},
            "B": {"attribute": "light", "restricted": []},
        }
    }
    known["runs"] = {name: dict(zip("AB", signs, strict=True)) for name, signs in names.items()}
    split = split_of(*names, design="factorial", reference="mix", factorial=known)
    level = dict(zip(names, (0.6, 0.5, 0.4, 0.3), strict=True))
    every = {
        (row["family"], row["contrast"]): row
        for row in rows(compute_effects(*experiment(level), split).contrasts)
    }
    assert every["main effects", "weather"]["value"] == pytest.approx(-0.1, abs=0.02)
    assert every["interactions", "weather x light"]["value"] == pytest.approx(0, abs=0.02)
    total = every["Shapley", "weather"]["value"] + every["Shapley", "light"]["value"]
    assert total == pytest.approx(0.3, abs=0.03)
    assert every["main effects", "light"]["omega2"] > 0.5


def test_nested_budgets_have_a_curve_and_three_have_none():
    level = {f"mix-{n}": 0.7 - 2 * n**-0.5 for n in (50, 100, 200, 400)}
    arms = {name: {"kind": "mix", "images": int(name[4:])} for name in level}
    split = split_of(design="scaling", reference="mix-400", arms=arms)
    (curve,) = rows(compute_effects(*experiment(level, noise=0.001), split).curves)
    assert (curve["curve"], curve["budgets"], curve["goal"]) == ("mix", 4, "mix-400")
    assert curve["reach_low"] < curve["reach"] < curve["reach_high"]
    assert curve["reach"] == pytest.approx(331, rel=0.1), (
        "0.7 - 2 / sqrt(N) comes to 0.59 at (2 / 0.11)^2 images"
    )
    few = {name: value for name, value in level.items() if name != "mix-50"}
    assert not rows(compute_effects(*experiment(few), split.among(list(few))).curves)
