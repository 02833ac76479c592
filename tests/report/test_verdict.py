"""The verdict says what the interval says, and no more."""

import pytest

from gprplus.reporting import verdict_paragraphs
from gprplus.reporting.arm_labels import arm_phrase, level_label, question_of
from gprplus.reporting.basis import describe_target_images
from tests.support.records import experiment_of, split_of

ENGINE = {"engine": {"root": "", "title": "gprplus engine"}}
FOGGY = ("only-foggy", -0.021, -0.030, -0.012)
CLOUDS = ("only-clouds", -0.004, -0.012, 0.004)
BLIZZARD = ("only-blizzard", -0.008, -0.015, -0.001)
SUNNY = ("only-sunny", 0.014, 0.003, 0.025)
MIX = ("mix",)
BASIS = (
    "Basis: 2 seeds, 96 queries of 24 identities; trained from scratch; tested on engine renders,"
    " not on photographs."
)
TOGETHER = "intervals simultaneous over the 2 contrasts of the family 'sufficiency' (max-|t|)"
FEW = (
    "Two seeds estimate the noise of an arm from a single difference, so only large gaps can be"
    " shown; three seeds narrow the intervals by a third to a half. "
)
TWO = BASIS.replace("; trained", f"; {TOGETHER}; trained")


@pytest.fixture(scope="module")
def said(summary, declared):
    """The verdict on rows told in short."""

    def said(*rows, **facts):
        return verdict_paragraphs(summary(*rows), declared(*rows), about(*rows, **facts))

    return said


def about(*rows, **facts):
    """What the verdict on rows is about: a split over the weather unless `facts` name another."""
    return experiment_of(
        *(row[0] for row in rows), **{"attribute": "weather", "datasets": ENGINE, **facts}
    )


def test_a_loss_is_told_with_its_interval_and_what_it_is_against(said):
    assert said(FOGGY, CLOUDS, MIX) == (
        "Training on foggy alone loses 2.1 points of mAP against the same-budget mixture, the most"
        " of 2 weathers, simultaneous 95% interval 1.2 to 3.0; no single weather is shown to beat"
        " it. Of 2 weathers, 1 loses against it and 1 is not distinguishable from it (clouds). "
        + FEW
        + TWO
    )


def test_nothing_beats_the_mixture_is_said_only_when_everything_loses(said):
    assert "; no single weather beats it. Both weathers lose against it." in said(
        FOGGY, BLIZZARD, MIX
    )
    assert "shown to beat it" in said(FOGGY, CLOUDS, MIX)


def test_a_win_comes_first_and_the_worst_loss_second(said):
    assert said(FOGGY, SUNNY, MIX).startswith(
        "Training on sunny alone gains 1.4 points of mAP against the same-budget mixture, the most"
        " of 2 weathers, simultaneous 95% interval 0.3 to 2.5; training on foggy alone loses 2.1"
        " points of mAP (1.2 to 3.0). Of 2 weathers, 1 loses against it and 1 beats it."
    )


def test_of_several_losses_the_largest_is_told(said):
    for rows in ((BLIZZARD, FOGGY), (FOGGY, BLIZZARD)):
        assert said(*rows, MIX).startswith("Training on foggy alone loses 2.1 points")
        assert "; training on foggy alone loses 2.1 points" in said(*rows, SUNNY, MIX)


def test_an_interval_around_zero_is_not_distinguishable_and_never_equal(said):
    text = said(CLOUDS, ("only-neutral", 0.001, -0.01, 0.012), MIX)
    assert text.startswith(
        "No single weather is distinguishable from the same-budget mixture; the widest gap,"
        " training on clouds alone, is −0.4 points of mAP, simultaneous 95% interval −1.2 to +0.4."
    )
    assert "equal" not in text


@pytest.mark.parametrize("low", [0.0, -0.0])
def test_an_interval_that_ends_on_zero_contains_it(said, low):
    assert "is not distinguishable" in said(("only-sunny", 0.01, low, 0.02), MIX)


def test_an_end_that_rounds_to_zero_is_not_printed_as_zero(said):
    assert "interval 0.04 to 3.0" in said(("only-foggy", -0.021, -0.030, -0.0004), MIX)


def test_one_seed_gives_no_interval_and_nothing_is_concluded(said):
    one = {"seeds": 1}
    text = said(
        ("only-foggy", -0.021, None, None, one),
        ("only-sunny", 0.004, None, None, one),
        ("mix", one),
    )
    assert text.startswith(
        "With one seed there is no interval, so there is no conclusion: training on foggy alone"
        " scored 2.1 points of mAP less than the same-budget mixture, which can be chance. Basis: 1"
        " seed, 96 queries"
    )


def test_without_its_reference_nothing_is_compared(said):
    assert said(("only-a", {"mAP": 0.4}), ("only-b", {"mAP": 0.5})).startswith(
        "The highest of 2 arms, training on b alone, scores 50.0 points of mAP, 95% interval"
        " 43.0–47.0; the reference arm has no finished run, so differences have no verdict."
    )
    assert "it is the only arm, so there is nothing to compare it with" in said(MIX)


def test_the_floor_is_named_and_a_training_that_did_not_lift_is_called_out(said):
    low = ("untrained", -0.33, -0.36, -0.30)
    assert "Untrained, the same network scores 12.0." in said(FOGGY, MIX, low)
    assert "may not reflect training" not in said(FOGGY, MIX, low)
    assert "may not reflect training" in said(FOGGY, MIX, ("untrained", -0.01, -0.03, 0.01))


def test_the_random_draw_of_the_same_size_is_a_control_and_not_a_question(said):
    text = said(FOGGY, MIX, ("random-images-1", 0.05, 0.03, 0.07))
    assert text.startswith("Training on foggy alone loses")
    assert (
        "A random draw of the same size differs from the reference (+5.0, 95% interval +3.0 to"
        " +7.0)" in text
    )


def test_a_control_of_one_arm_that_each_seed_draws_anew_has_several_draws(summary, contrasts):
    row, table = contrasts
    rows = [row("only-foggy", -0.02, -0.04, -0.01)]
    rows += [row("only-foggy", -0.1, -0.3, 0.1, family="attribute effect", draws=3)]
    rows += [row("random-images", 0.05, 0.03, 0.07, family="random images", draws=3)]
    arms = [FOGGY, MIX, ("random-images-1", 0.05, 0.03, 0.07)]
    text = verdict_paragraphs(summary(*arms), table(rows), about(*arms))
    assert "Against as many random levels, foggy is undecided (−30.0 to +10.0)." in text
    assert (
        "The mean of 3 random draws of the same size differs from the reference (+5.0, 95% interval"
        " +3.0 to +7.0): more than the variation of these draws." in text
    )


def test_a_ladder_is_told_in_people(said):
    to = {"reference": "ids-64"}
    rows = [
        ("ids-8", -0.12, -0.15, -0.09, to),
        ("ids-8-all", 0.01, 0.005, 0.015, to),
        ("ids-64", to),
    ]
    assert said(*rows, attribute="identity", datasets={}).startswith(
        "Training on 8 identities loses 12.0 points of mAP against 64 identities with as many"
        " images, simultaneous 95% interval 9.0 to 15.0."
    )


def test_weights_and_photographs_are_named_where_they_were_used(said):
    market = {"market": {"root": "", "title": "Market-1501"}}
    text = said((*FOGGY, {"weights": "imagenet"}), (*MIX, {"weights": "imagenet"}), datasets=market)
    assert text.endswith("starting from imagenet weights; tested on Market-1501.")


def test_every_target_is_judged_by_itself(said):
    there = [(*row, {"target": "street"}) for row in (SUNNY, MIX)]
    text = said(FOGGY, MIX, *there)
    first, second = text.split("\n\n")
    assert first.startswith("On the target street: Training on sunny alone gains")
    assert second.startswith("On the split's own test set: Training on foggy alone loses")
    target = {
        "protocol": "camera",
        "fingerprint": "",
        "datasets": {"s": {"root": "", "title": "gprplus engine"}},
    }
    assert describe_target_images(
        "street", experiment_of(benchmark={"targets": {"street": target}})
    ).startswith("engine")


def test_renders_of_a_plan_are_engine_renders_too():
    def named(*titles):
        datasets = {f"d{i}": {"root": "", "title": title} for i, title in enumerate(titles)}
        target = {"protocol": "camera", "fingerprint": "", "datasets": datasets}
        return describe_target_images("t", experiment_of(benchmark={"targets": {"t": target}}))

    assert named("gprplus engine, planned") == "engine renders, not on photographs"
    assert named("gprplus engine, planned", "gprplus engine") == named("gprplus engine")
    assert named("gprplus engine, planned", "Street") == "engine renders and Street"
    assert named("Street") == "Street"


def test_equal_is_said_within_the_margin_and_of_all_or_of_some(said):
    same = ("only-clouds", -0.001, -0.006, 0.004)
    assert said(same, ("only-neutral", 0.002, -0.004, 0.008), MIX).startswith(
        "Every single weather is equal to the same-budget mixture within 1.0 points; the widest"
        " gap, training on neutral alone, is +0.2 points of mAP, simultaneous 95% interval −0.4 to"
        " +0.8."
    )
    some = said(same, ("only-neutral", -0.02, -0.05, 0.01), MIX)
    assert some.startswith(
        "No single weather is distinguishable from the same-budget mixture; the widest gap"
    )
    assert (
        "1 is equal to it within 1.0 points (clouds) and 1 is not distinguishable from it (neutral)"
        in some
    )


def test_a_difference_that_is_shown_and_small_is_told_as_both(said):
    text = said(("only-sunny", 0.004, 0.001, 0.007), MIX)
    assert text.startswith(
        "Training on sunny alone gains 0.4 points of mAP, less than the margin of 1.0, against"
    )


def test_the_word_follows_the_family_and_not_the_interval_alone(summary, contrasts):
    row, table = contrasts
    family = {"family_low": -0.024, "family_high": 0.003}
    told = table(
        [row("only-foggy", -0.0105, -0.02, -0.001, **family), row("only-sunny", 0.0, -0.02, 0.02)]
    )
    text = verdict_paragraphs(
        summary(("only-foggy", -0.0105, -0.02, -0.001), MIX), told, about(FOGGY, MIX)
    )
    assert "is −1.1 points of mAP, simultaneous 95% interval −2.4 to +0.3." in text
    assert "loses" not in text


def test_an_arm_that_leaves_one_out_is_told_by_what_it_does(said):
    text = said(("without-foggy", -0.021, -0.030, -0.012), ("without-sunny", 0.0, -0.02, 0.02), MIX)
    assert text.startswith(
        "Training without foggy loses 2.1 points of mAP against the same-budget mixture,"
    )


FACTORS = {
    "A": {"attribute": "weather", "restricted": ["sunny", "clouds"]},
    "B": {"attribute": "viewpoint_deg", "restricted": ["0", "90"]},
}


def test_a_factorial_is_told_by_its_factors_and_what_they_change_about_each_other(
    summary, contrasts
):
    row, table = contrasts
    rows = [row("weather", 0.116, 0.086, 0.145, family="main effects")]
    rows += [row("viewpoint_deg", -0.026, -0.049, -0.004, family="main effects")]
    rows += [row("weather x viewpoint_deg", 0.028, 0.007, 0.049, family="interactions")]
    arms = (("restrict-weather", 0.1, 0.0, 0.2), MIX)
    known = {"factors": FACTORS, "runs": {}}
    text = verdict_paragraphs(
        summary(*arms), table(rows), about(*arms, design="factorial", factorial=known)
    )
    assert text.startswith(
        "Restricting the weather to sunny and clouds gains 11.6 points of mAP against leaving it"
        " free, the most of 2 restrictions, simultaneous 95% interval 8.6 to 14.5; restricting the"
        " viewpoint to 0 and 90 loses 2.6 points of mAP (0.4 to 4.9). Of 2 restrictions, 1 loses"
        " against it and 1 beats it. Interaction: weather x viewpoint gains 2.8 (0.7 to 4.9)."
    )


def test_chosen_levels_are_set_against_as_many_random_ones(summary, contrasts):
    row, table = contrasts
    rows = [row("only-sunny", 0.06, -0.05, 0.17), row("only-foggy", -0.13, -0.24, -0.03)]
    rows += [row("only-sunny", 0.08, 0.01, 0.15, family="attribute effect", draws=1)]
    rows += [row("only-foggy", -0.1, -0.3, 0.1, family="attribute effect", draws=1)]
    text = verdict_paragraphs(
        summary(("only-sunny", 0.06, -0.05, 0.17), FOGGY, MIX),
        table(rows),
        about(("only-sunny",), FOGGY, MIX),
    )
    assert (
        "Against as many random levels, sunny gains 8.0 (1.0 to 15.0) and foggy is undecided (−30.0"
        " to +10.0); drawn once, so it omits the variance of the draw." in text
    )


@pytest.mark.parametrize(
    ("attribute", "arm", "phrase"),
    [
        ("weather", "only-sunny+clouds", "training on sunny+clouds alone"),
        ("viewpoint_deg", "only-90", "training on viewpoint 90° alone"),
        ("hat", "only-yes", "training on identities with hat alone"),
        ("weather", "without-foggy", "training without foggy"),
        ("weather", "random-levels-q2-1", "training on random-levels-q2-1"),
        ("identity", "ids-8-all", "training on 8 identities with all their images"),
    ],
)
def test_arms_are_named_in_words(attribute, arm, phrase):
    assert arm_phrase(arm, split_of(arm, attribute=attribute)) == phrase


def test_a_question_names_its_attribute():
    assert question_of(split_of(attribute="viewpoint_deg")) == "What is the viewpoint worth?"
    assert question_of(split_of()) == "Which training set is worth more?"
    assert level_label("only-foggy", split_of("only-foggy")) == "foggy"
