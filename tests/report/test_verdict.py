"""The verdict says what the interval says, and no more."""

import pytest

from gprplus.report import verdict
from gprplus.report.phrases import arm_phrase, question, short
from gprplus.report.sentences import material

WEATHER = {"attribute": "weather", "datasets": {"engine": {"title": "gprplus engine"}}}
FOGGY = ("only-foggy", -0.021, -0.030, -0.012)
CLOUDS = ("only-clouds", -0.004, -0.012, 0.004)
BLIZZARD = ("only-blizzard", -0.008, -0.015, -0.001)
SUNNY = ("only-sunny", 0.014, 0.003, 0.025)
MIX = ("mix",)
BASIS = "Basis: 2 seeds, 96 queries of 16 people; trained from scratch; tested on engine renders, not on photographs."


@pytest.fixture(scope="module")
def said(summary):
    """The verdict on rows told in short."""
    return lambda *rows, info=WEATHER: verdict(summary(*rows), info)


def test_a_loss_is_told_with_its_interval_and_what_it_is_against(said):
    assert said(FOGGY, CLOUDS, MIX) == (
        "Training on foggy alone loses 2.1 points of mAP against the same-budget mixture, 95% interval 1.2 to "
        "3.0; no single "
        "weather is shown to beat it. Of 2 weathers, 1 loses against it and 1 is not distinguishable from it (clouds). "
        + BASIS
    )


def test_nothing_beats_the_mixture_is_said_only_when_everything_loses(said):
    assert "; no single weather beats it. Both weathers lose against it." in said(FOGGY, BLIZZARD, MIX)
    assert "shown to beat it" in said(FOGGY, CLOUDS, MIX)


def test_a_win_comes_first_and_the_worst_loss_second(said):
    assert said(FOGGY, SUNNY, MIX).startswith(
        "Training on sunny alone gains 1.4 points of mAP against the same-budget mixture, 95% interval 0.3 to "
        "2.5; training on "
        "foggy alone loses 2.1 points of mAP (1.2 to 3.0). Of 2 weathers, 1 loses against it and 1 beats it."
    )


def test_an_interval_around_zero_is_not_distinguishable_and_never_equal(said):
    text = said(CLOUDS, ("only-neutral", 0.001, -0.01, 0.012), MIX)
    assert text.startswith(
        "No single weather is distinguishable from the same-budget mixture; the widest gap, training on clouds "
        "alone, is −0.4 "
        "points of mAP, 95% interval −1.2 to +0.4."
    )
    assert "equal" not in text


@pytest.mark.parametrize("low", [0.0, -0.0])
def test_an_interval_that_ends_on_zero_contains_it(said, low):
    assert "is not distinguishable" in said(("only-sunny", 0.01, low, 0.02), MIX)


def test_an_end_that_rounds_to_zero_is_not_printed_as_zero(said):
    assert "interval 0.04 to 3.0" in said(("only-foggy", -0.021, -0.030, -0.0004), MIX)


def test_one_seed_gives_no_interval_and_nothing_is_concluded(said):
    one = {"seeds": 1}
    text = said(("only-foggy", -0.021, None, None, one), ("only-sunny", 0.004, None, None, one), ("mix", one))
    assert text.startswith(
        "With one seed there is no interval, so nothing is concluded: training on foggy alone scored 2.1 points "
        "of mAP less than "
        "the same-budget mixture, which may be luck. Basis: 1 seed, 96 queries"
    )


def test_without_its_reference_nothing_is_compared(said):
    assert said(("only-a", {"mAP": 0.4}), ("only-b", {"mAP": 0.5})).startswith(
        "The highest of 2 arms, training on b alone, scores 50.0 points of mAP, 95% interval 43.0–47.0; the "
        "reference arm has no "
        "finished run, so no difference is judged."
    )
    assert "it is the only arm, so there is nothing to compare it with" in said(MIX)


def test_the_floor_is_named_and_a_training_that_did_not_lift_is_called_out(said):
    low = ("untrained", -0.33, -0.36, -0.30)
    assert "Untrained, the same network scores 12.0." in said(FOGGY, MIX, low)
    assert "rest on little" not in said(FOGGY, MIX, low)
    assert "rest on little" in said(FOGGY, MIX, ("untrained", -0.01, -0.03, 0.01))


def test_the_random_draw_of_the_same_size_is_a_control_and_not_a_question(said):
    text = said(FOGGY, MIX, ("random-images-1", 0.05, 0.03, 0.07))
    assert text.startswith("Training on foggy alone loses")
    assert "A random draw of the same size differs from the reference (+5.0, 95% interval +3.0 to +7.0)" in text


def test_a_ladder_is_told_in_people(said):
    to = {"reference": "ids-64"}
    rows = [("ids-8", -0.12, -0.15, -0.09, to), ("ids-8-all", 0.01, 0.005, 0.015, to), ("ids-64", to)]
    assert said(*rows, info={"attribute": "identity"}).startswith(
        "Training on 8 identities loses 12.0 points of mAP against 64 identities with as many images, 95% "
        "interval 9.0 to 15.0."
    )


def test_weights_and_photographs_are_named_where_they_were_used(said):
    info = {"attribute": "weather", "datasets": {"market": {"title": "Market-1501"}}}
    text = said((*FOGGY, {"weights": "imagenet"}), (*MIX, {"weights": "imagenet"}), info=info)
    assert text.endswith("starting from imagenet weights; tested on Market-1501.")


def test_every_target_is_judged_by_itself(said):
    there = [(*row, {"target": "street"}) for row in (SUNNY, MIX)]
    text = said(FOGGY, MIX, *there)
    first, second = text.split("\n\n")
    assert first.startswith("On the split's own test set: Training on foggy alone loses")
    assert second.startswith("On the target street: Training on sunny alone gains")
    assert material("street", {"targets": {"street": {"datasets": {"s": {"title": "gprplus engine"}}}}}).startswith(
        "engine"
    )


@pytest.mark.parametrize(
    ("attribute", "arm", "phrase"),
    [
        ("weather", "only-sunny+clouds", "training on sunny+clouds alone"),
        ("viewpoint_deg", "only-90", "training on viewpoint 90° alone"),
        ("hat", "only-yes", "training on people with hat alone"),
        ("weather", "without-foggy", "training without foggy"),
        ("weather", "random-levels-q2-1", "training on random-levels-q2-1"),
        ("identity", "ids-8-all", "training on 8 identities with all their images"),
    ],
)
def test_arms_are_named_in_words(attribute, arm, phrase):
    assert arm_phrase(arm, {"attribute": attribute}) == phrase


def test_a_question_names_its_attribute():
    assert question({"attribute": "viewpoint_deg"}) == "What is the viewpoint worth?"
    assert question({}) == "Which training set is worth more?"
    assert short("only-foggy", {}) == "foggy"
