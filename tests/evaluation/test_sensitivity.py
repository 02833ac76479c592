"""The widest difference with other settings: which arms, which settings, and what may be said."""

import pytest

from gprplus.baseline.recipe import Recipe, TrainingLength
from gprplus.experiments.sensitivity import recipe_variants, widest_contrast
from gprplus.reporting.sentences.sensitivity_sentence import sensitivity_sentence
from tests.support.records import split_of

WEATHER = split_of("only-foggy", "only-sunny", "mix", attribute="weather")


def row(contrast, value, target="self", family="sufficiency", metric="mAP"):
    return {
        "contrast": contrast,
        "value": value,
        "target": target,
        "family": family,
        "metric": metric,
    }


def test_the_learning_rate_is_halved_and_doubled_and_nothing_else():
    recipe = Recipe.read("smoke")
    half, double = recipe_variants(recipe, [864, 864])
    assert (half.recipe.optimizer.lr, double.recipe.optimizer.lr) == (
        recipe.optimizer.lr / 2,
        recipe.optimizer.lr * 2,
    )
    assert half.recipe.resolved() | {"optimizer": 0} == recipe.resolved() | {"optimizer": 0}


def test_equal_epochs_keep_the_steps_of_the_reference_and_change_those_of_the_other():
    recipe = Recipe.read("smoke").with_options(steps=300)
    found = recipe_variants(recipe, [432, 864])[-1]
    assert found.name == "equal epochs"
    assert [found.recipe.steps(size) for size in (432, 864)] == [150, 300]
    assert len(recipe_variants(recipe.with_options(epochs=3), [432, 864])) == 2, (
        "they are equal already"
    )
    assert found.recipe.length == TrainingLength(epochs=300 * 64 / 864)


def test_the_widest_difference_is_taken_on_the_external_target_where_there_is_one():
    rows = [row("only-a", 0.3), row("only-b", -0.4), row("only-b", 0.9, metric="rank1")]
    assert widest_contrast(rows) == "only-b"
    assert (
        widest_contrast([*rows, row("only-a", 0.1, "street"), row("only-b", 0.05, "street")])
        == "only-a"
    )
    assert widest_contrast([row("random-images", 0.5, family="random images")]) is None


def told(variant, value, *, base=-0.3, family="sufficiency", low=-0.4, high=-0.2):
    found = {
        "metric": "mAP",
        "variant": variant,
        "arm": "only-foggy",
        "reference": "mix",
        "family": family,
    }
    found |= {
        "base": base,
        "base_low": low,
        "base_high": high,
        "value": value,
        "sign_holds": value * base > 0,
    }
    return found


def test_a_sign_that_holds_and_one_that_does_not_are_told_apart():
    (text,) = sensitivity_sentence(
        [told("half the learning rate", -0.1), told("equal epochs", -0.2)], WEATHER
    )
    assert (
        text
        == "With half the learning rate and equal epochs the difference of training on foggy alone"
        " against the same-budget mixture keeps its sign wherever its single 95% interval left out 0."
    )
    (text,) = sensitivity_sentence(
        [told("half the learning rate", 0.012, family="transfer")], WEATHER
    )
    assert text.endswith(
        "does not keep its sign: in transfer with half the learning rate (+1.2, was −30.0)."
    )


@pytest.mark.parametrize("ends", [(-0.4, 0.1), (None, None)])
def test_a_difference_that_was_not_distinguishable_has_no_sign_to_keep(ends):
    (text,) = sensitivity_sentence([told("equal epochs", 0.1, low=ends[0], high=ends[1])], WEATHER)
    assert "nothing can be compared" in text
    assert sensitivity_sentence([], WEATHER) == []
