"""The page of a construction, from a record written by hand: one mark for each trial, warnings, no
interval from one seed, names as text."""

import re
from dataclasses import replace

import numpy as np
import pytest
from chromium import open_chromium

from gprplus.ingest import build_manifest
from gprplus.reporting.figures.path_plot import build_path_plot
from gprplus.reporting.figures.share_table import build_share_table
from gprplus.reporting.pages.construct_page import render_construct
from gprplus.reporting.pages.construct_tables import construct_markdown
from gprplus.schema.construct_record import (
    ArmSummary,
    ComparisonRecord,
    ConstructRecord,
    HalfRecord,
    PathRecord,
    RoundRecord,
    TrialRecord,
)

EVIL = "<script>alert(1)</script>"
FOGGY = {"weather": {"sunny": 2, "foggy": 6}, "background": {"plaza": 8}}
EVEN = {"weather": {"sunny": 4, "foggy": 4}, "background": {"plaza": 8}}
PATH = PathRecord(
    target="self",
    validation=HalfRecord(6, 40, "a" * 64),
    test=HalfRecord(6, 42, "b" * 64),
    rounds=[
        RoundRecord(
            trials=[
                TrialRecord({"uniform": 1.0, "matched": 0.0}, EVEN, 8, 0.30, ["even share"]),
                TrialRecord({"uniform": 0.25, "matched": 0.75}, FOGGY, 3, 0.42, [f"fog {EVIL}"]),
            ],
            kept=1,
            images=8,
            optimism=0.02,
        ),
        RoundRecord(
            trials=[
                TrialRecord({"matched": 1.0}, FOGGY, 8, 0.45),
                TrialRecord({"uniform": 1.0}, EVEN, 4, 0.40),
                TrialRecord({"failures": 1.0}, EVEN, 0, 0.41),
            ],
            kept=0,
            images=16,
            optimism=0.03,
        ),
    ],
    looks=5,
)
RECORD = ConstructRecord(
    name="town",
    question="Which renders?",
    request={"rounds": {"budget": "4x4"}},
    command="gprplus construct town.toml -o work/constructions/town",
    identities=4,
    images_each=4,
    cells=6,
    paths=[PATH, replace(PATH, target="noon")],
    arms={
        "mix": ArmSummary("the constructed set", FOGGY, 4, 0.40),
        "only-sunny": ArmSummary("all cells alike", EVEN, 6, 0.35),
        "only-foggy": ArmSummary("another set", EVEN, 6, 0.36),
    },
    comparisons=[
        ComparisonRecord("only-sunny", 0.05, 0.01, 0.09, "better"),
        ComparisonRecord("only-foggy", -0.03, -0.07, 0.01, "undecided"),
    ],
    mAP={"mix": 0.38, "only-sunny": 0.33, "only-foggy": 0.41, "untrained": 0.11},
    seeds=2,
    steps=30,
    test_looks=1,
    rendered={"pool": 23, "probes": 12},
    trainings={"looks": 5, "test": 6},
    seconds={"rounds": 300.0, "test": 60.0},
    runs="runs/town/glance",
    report="runs/town/glance/report.html",
    pool="pool/manifest",
    verdict="The constructed set is better than the uniform set on town.",
    versions={"gprplus": "0.2.0"},
)


@pytest.fixture(scope="module")
def run(build, tmp_path_factory):
    """Finished runs of a split whose reference, `mix`, plays the constructed set."""
    return build(tmp_path_factory.mktemp("run"), ("sunny", "foggy"), people=("1",)).read()


@pytest.fixture(scope="module")
def html(run, tmp_path_factory):
    return render_construct(RECORD, run, tmp_path_factory.mktemp("home"))


def path_section(html):
    return html[html.index('<section id="path">') : html.index('<section id="validation">')]


def test_the_answer_the_gains_and_the_warning_of_optimism_come_first(html):
    places = [
        RECORD.verdict,
        "gains over each control",
        "The validation mAP of the last round, 45.0, is about 3.0 points too high",
        "The path towards self",
    ]
    assert sorted(places, key=html.index) == places
    assert "only-sunny: +5.0 points of mAP, 95% interval +1.0 to +9.0" in html


def test_every_trial_is_a_mark_with_its_value_and_the_kept_one_is_marked(html):
    section = path_section(html)
    marks = re.findall(r'<circle class="(\w+)"[^>]* role="img" aria-label="([^"]*)"', section)
    scores = [re.search(r"mAP ([\d.]+)", text)[1] for _, text in marks]
    assert scores == ["30.0", "42.0", "45.0", "40.0", "41.0"]
    assert [kind for kind, _ in marks] == ["tried", "kept", "kept", "tried", "tried"]
    assert marks[1][1] == (
        "round 1, trial 2 of 2: mAP 42.0; 75% matched + 25% uniform; kept, 40.0 less the optimism"
    )


def test_trials_are_in_the_column_of_their_round_and_the_axis_holds_them(html):
    plot = build_path_plot(PATH)
    first, second = plot.rounds
    assert all(0 < one.x < 50 for one in first.trials)
    assert all(50 < one.x < 100 for one in second.trials)
    assert plot.up.low < 0.30 < 0.45 < plot.up.high
    assert (first.kept.score, first.corrected) == (0.42, pytest.approx(0.40))


def test_a_round_shows_what_it_added_rendered_and_brought(html):
    section = path_section(html)
    rows = re.findall(r'<th scope="row">Round \d</th>(.*?)</tr>', section, re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    assert cells[0] == [
        "75% matched + 25% uniform",
        "8",
        "8",
        "11",
        "42.0",
        "–",
        "2.0",
    ]
    assert cells[1][1:6] == ["8", "16", "12", "45.0", "+3.0"]
    assert cells[2] == ["25", "75"], "the shares of sunny and foggy"


def test_shares_are_colored_against_even_ones_and_single_levels_left_out():
    table = build_share_table({"set": {"weather": {"a": 6, "b": 2, "c": 4}, "place": {"d": 12}}})
    assert table.factors == (("weather", ("a", "b", "c")),)
    ((_, cells),) = table.rows
    assert [(one.tone, round(one.ratio, 2)) for one in cells] == [
        ("more", 1.5),
        ("less", 0.5),
        ("even", 1.0),
    ]
    assert cells[1].strength == 0.5, "half as many is half of the way to a quarter"
    assert cells[1].text == "set, weather b: 2 of 12 images, 17%; even would be 33%"


def test_names_stay_text(run, tmp_path):
    record = replace(RECORD, question=f"Is {EVIL} it?", name=EVIL, verdict=EVIL)
    html = render_construct(record, run, tmp_path)
    assert EVIL not in html
    assert html.count("<script") == 1, "the page's own"
    assert "src=" not in html.split("<script")[0]


def test_looks_at_the_test_half_and_one_seed_are_warned_of_and_give_no_interval(run, tmp_path):
    bare = [replace(one, low=None, high=None, verdict="undecided") for one in RECORD.comparisons]
    record = replace(RECORD, test_looks=3, seeds=1, comparisons=bare)
    html = render_construct(record, run, tmp_path)
    assert "This was look 3 at the test half" in html
    assert "One seed: there is no interval" in html
    assert "What the constructed set gains" not in html, "no picture of intervals"
    assert "Gains without an interval: over only-sunny +5.0; over only-foggy −3.0" in html
    assert "+1.0 to +9.0" not in html


def test_the_scores_go_from_the_selection_to_the_test(html):
    section = html[html.index('<section id="validation">') : html.index('<section id="sets">')]
    assert re.findall(r"<td>([\d.]+)</td>", section) == ["45.0", "42.0", "40.0", "38.0"]


def test_the_other_path_is_folded_and_the_report_linked(html):
    other = html[html.index('<section id="other">') :]
    assert "<summary>2 rounds towards noon</summary>" in other
    assert 'href="runs/town/glance/report.html"' in html
    assert "gprplus construct town.toml -o work/constructions/town</pre>" in html
    assert "b" * 64 in html, "the fingerprint of a half"


def test_each_round_shows_images_of_its_own(draw, run, tmp_path):
    renders = draw(tmp_path / "renders", people=2, views=2, lights=("03",))
    images = build_manifest(renders, tmp_path / "pool" / "manifest").images(["uid", "weather"])
    weather = np.array(images["weather"].to_pylist())
    uids = images["uid"].to_numpy()
    added = [uids[weather == "sunny"], uids[weather == "foggy"]]
    html = render_construct(RECORD, run, tmp_path, added)
    first, second = (
        re.findall(r'<img src="data:image/jpeg;base64,[^"]+" alt="([^"]*)"', part)
        for part in path_section(html).split("Round 2: ")
    )
    assert [len(first), len(second)] == [4, 4]
    assert all("sunny" in text for text in first)
    assert all("foggy" in text for text in second)


def test_a_page_without_its_pool_has_no_pictures(run, tmp_path):
    html = render_construct(RECORD, run, tmp_path, [np.arange(3, dtype=np.uint64)] * 2)
    assert "<img" not in html


def test_the_markdown_has_verdict_gains_and_rounds(run):
    text = construct_markdown(RECORD, run)
    assert text.startswith("# Which renders?\n\n**The constructed set is better")
    assert "| only-sunny | +5.0 | +1.0 to +9.0 | better |" in text
    assert "| 1 | 75% matched + 25% uniform | 8 | 42.0 | 2.0 |" in text


@pytest.mark.browser
def test_the_page_fits_a_phone_and_its_marks_are_reached_by_keys(html, tmp_path):
    path = tmp_path / "construct.html"
    path.write_text(html)
    with open_chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.locator("#path circle[data-tip]").first.focus()
        page.keyboard.press("ArrowRight")
        assert (
            page.get_by_role("tooltip").inner_text().startswith("round 1, trial 2 of 2: mAP 42.0")
        )
