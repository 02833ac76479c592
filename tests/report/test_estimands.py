"""Own level, transfer and mixed gallery in words: each with whom it favors, and no word without its
interval."""

from dataclasses import replace

import pytest

from gprplus import benchmark, report
from gprplus.core.errors import ReportError, TrainingError
from gprplus.reporting.findings import headline_finding, list_findings
from gprplus.reporting.level_matrix import build_level_matrix
from gprplus.reporting.sentences.estimand_sentences import (
    mixed_prefix,
    own_sentence,
    transfer_sentence,
)
from gprplus.reporting.sentences.verdict_support import floor_warning
from gprplus.reporting.sentences.verdicts import verdict_of
from gprplus.statistics import power
from tests.support.records import experiment_of, split_of

COUNTS = {"sunny": 280, "foggy": 280, "clouds": 240}
NAMED = ("only-sunny", "only-foggy", "only-clouds", "mix")
WEATHER = split_of(*NAMED, attribute="weather", reference="mix", gallery_levels=COUNTS)
ABOUT = experiment_of(*NAMED, attribute="weather", reference="mix", gallery_levels=COUNTS)


@pytest.fixture(scope="module")
def contrast_row(contrasts):
    return contrasts[0]


@pytest.fixture(scope="module")
def found(contrast_row):
    return lambda *rows: list_findings([contrast_row(*row[:4], family=row[4]) for row in rows])


OWN = (
    ("all arms", 0.081, 0.030, 0.132, "own level, mean"),
    ("only-sunny", 0.12, 0.037, 0.204, "own level"),
    ("only-foggy", 0.042, -0.01, 0.094, "own level"),
)


def test_own_level_gives_the_mean_the_counts_and_the_widest_difference(found):
    assert (
        own_sentence(found(*OWN), WEATHER, "mix")
        == "Own level (query and gallery of the arm's own weather; favors the arm): the 2 weathers"
        " gain 8.1 points of mAP on average against the same-budget mixture (simultaneous 95%"
        " interval +3.0 to +13.2); 1 gains and 1 is undecided; the widest difference is sunny"
        " +12.0 (+3.7 to +20.4)."
    )


def test_a_mean_that_is_not_distinguishable_is_not_called_equal(found):
    mean = ("all arms", 0.002, -0.05, 0.054, "own level, mean")
    text = own_sentence(found(mean, *OWN[1:]), WEATHER, "mix")
    assert (
        "the 2 weathers are not distinguishable from the same-budget mixture on average (+0.2"
        " points of mAP, simultaneous 95% interval −5.0 to +5.4)" in text
    )


def test_without_an_interval_nothing_is_concluded(found):
    rows = [(name, value, None, None, family) for name, value, _, _, family in OWN]
    text = own_sentence(found(*rows), WEATHER, "mix")
    assert text.endswith("without an interval there is no conclusion.")
    assert " gain " not in text


TRANSFER = (
    ("all arms", -0.2, -0.3, -0.1, "transfer, mean"),
    ("only-sunny", -0.1, -0.2, -0.01, "transfer"),
    ("only-foggy", -0.3, -0.4, -0.2, "transfer"),
    ("only-sunny", 0.1, 0.02, 0.18, "transfer, unseen by both"),
    ("only-foggy", -0.02, -0.1, 0.06, "transfer, unseen by both"),
)


def level(arm, name, difference, trained_on, low=None, high=None):
    row = {
        "metric": "mAP",
        "arm": arm,
        "level": name,
        "trained_on": trained_on,
        "value": 0.5,
        "queries": 96,
    }
    row |= {"difference": difference, "family_low": low, "family_high": high}
    return row | {"verdict": None if low is None else "lower" if high < 0 else "undecided"}


LEVELS = [
    level("only-sunny", "sunny", 0.1, True, -0.1, 0.3),
    level("only-sunny", "foggy", -0.3, False, -0.5, -0.1),
    level("only-foggy", "sunny", -0.4, False, -0.6, -0.2),
    level("only-foggy", "foggy", -0.5, True, -0.7, -0.3),
    level("mix", "sunny", None, True),
    level("mix", "foggy", None, True),
]


def test_transfer_names_the_worst_level_that_an_arm_has_not_seen(found):
    text = transfer_sentence(found(*TRANSFER), LEVELS, WEATHER, "mix")
    assert text.startswith(
        "Transfer (query and gallery of one weather that is new to the arm and not to the mixture;"
        " favors the mixture): the 2 weathers lose 20.0 points of mAP on average against the"
        " same-budget mixture"
    )
    assert (
        "the worst level of 2: training on foggy alone, searched in sunny, −40.0 (simultaneous over"
        " 4 cells: −60.0 to −20.0)." in text
    )
    assert text.endswith(
        "Where neither arm was trained on the level, which favors none: sunny +10.0 (+2.0 to +18.0)"
        " against the others; 1 of 2 is undecided."
    )


def test_the_mixed_gallery_gives_its_composition():
    assert (
        mixed_prefix(WEATHER, "mix")
        == "Mixed gallery (3 weathers, 30 to 35% each; favors the mixture): "
    )


def judged(summary, contrast_row, estimand=None):
    rows = [contrast_row(*row[:4], family=row[4]) for row in (*OWN, *TRANSFER)]
    rows += [
        contrast_row("only-foggy", -0.3, -0.4, -0.2),
        contrast_row("only-sunny", -0.1, -0.2, -0.05),
    ]
    told = summary(
        ("only-foggy", -0.3, -0.4, -0.2), ("only-sunny", -0.1, -0.2, -0.05), ("mix",)
    ).to_pylist()
    return verdict_of(told, rows, replace(ABOUT, estimand=estimand), LEVELS)


def test_all_three_are_the_headline_unless_one_was_chosen(summary, contrast_row):
    lines = judged(summary, contrast_row).headline.split("\n")
    assert [line.split(" (")[0] for line in lines] == ["Own level", "Transfer", "Mixed gallery"]
    found = judged(summary, contrast_row, "mixed")
    assert found.headline.startswith("Mixed gallery (3 weathers")
    assert found.support[0].startswith("Own level")
    assert "and the three estimands" in found.basis


def test_few_identities_are_warned_of_beside_the_verdict(summary, contrast_row):
    few = {"query_identities": 9}
    rows = summary(("only-foggy", -0.3, -0.4, -0.2, few), ("mix", few)).to_pylist()
    contrasts = [contrast_row("only-foggy", -0.3, -0.4, -0.2)]
    own, *_ = verdict_of(rows, contrasts, ABOUT).warnings
    assert own.startswith("Warning: only 9 test identities (below 20)")
    assert own.endswith("Render more identities, or raise --test-share.")
    rows = [{**row, "target": "mall"} for row in rows]
    other, *_ = verdict_of(rows, [{**contrasts[0], "target": "mall"}], ABOUT).warnings
    assert other.endswith("Use a larger target.")
    rows = [{**row, "target": "self+reranked"} for row in rows]
    again, *_ = verdict_of(rows, [{**contrasts[0], "target": "self+reranked"}], ABOUT).warnings
    assert again == own


def test_a_cell_is_coloured_only_where_its_simultaneous_interval_leaves_out_zero():
    found = build_level_matrix(LEVELS, WEATHER)
    assert found.levels == ("sunny", "foggy")
    outcomes = {line.arm: [cell.outcome for cell in line.cells] for line in found.lines}
    assert outcomes == {
        "only-sunny": ["unclear", "loss"],
        "only-foggy": ["loss", "loss"],
        "mix": ["unknown", "unknown"],
    }
    framed = {line.arm: [cell.trained_on for cell in line.cells] for line in found.lines}
    assert framed == {
        "only-sunny": [True, False],
        "only-foggy": [False, True],
        "mix": [False, False],
    }
    assert found.differences == 4
    assert found.lines[0].cells[1].text == "50.0 (−30.0: −50.0 to −10.0)"


def test_a_plan_counts_that_three_estimands_share_the_five_percent():
    one = power.NoiseEstimate(0.01**2, 0.1**2, 0.0, "made up")
    alone, shared = (
        power.smallest_difference(one, 3, 40, 8, level) for level in (0.95, 1 - 0.05 / 3)
    )
    assert 1.1 * alone < shared < 2 * alone
    assert power.power(one, 3, 40, 8, shared, 1 - 0.05 / 3) == pytest.approx(0.8, abs=0.01)


def test_an_estimand_that_does_not_exist_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(TrainingError, match=r"estimand mix is not known\. Did you mean 'mixed'\?"):
        benchmark([tmp_path], tmp_path / "runs", estimand="mix")
    with pytest.raises(ReportError, match="There is no estimand 'owned'"):
        report(tmp_path, estimand="owned")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(-0.05, 0.01, "is not distinguishable from"), (0.02, 0.09, "scores below"), (-0.3, -0.1, "")],
)
def test_the_untrained_network_is_not_called_alike_where_it_is_better(low, high, words):
    floor = {"mAP_difference_low": low, "mAP_difference_high": high}
    found = floor_warning({"arm": "mix"}, floor)
    assert [one.split(" the untrained")[0] for one in found] == (
        [f"Warning: the reference {words}"] if words else []
    )


@pytest.mark.parametrize(
    ("reference", "arms", "headline"),
    [
        ("ids-16x12", ("ids-8x24", "ids-8x12", "ids-16x24"), ["ids-8x24"]),
        ("ids-16", ("ids-8", "ids-8-all", "ids-16-all"), ["ids-8"]),
        ("ids-16x12", ("ids-8x12", "ids-4x12"), ["ids-8x12", "ids-4x12"]),
    ],
    ids=["192 images", "evenly spread", "no other of this size"],
)
def test_a_ladder_is_told_at_the_number_of_images_of_its_reference(
    contrast_row, reference, arms, headline
):
    split = split_of(reference, *arms, design="budget", attribute="identity", reference=reference)
    rows = [contrast_row(arm, -0.1, -0.2, -0.05, family="to the reference") for arm in arms]
    assert [one.name for one in headline_finding(list_findings(rows), split)] == headline
