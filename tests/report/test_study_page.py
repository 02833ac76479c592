"""A study's page: the answer first, in words that its contrasts allow; names stay text; it looks
right in a browser."""

import pytest

from gprplus import schema
from gprplus.core.files.workdir import write_table
from gprplus.reporting import run_results as reports
from gprplus.reporting.pages import study_page
from gprplus.reporting.pages.study_tables import study_markdown
from gprplus.schema.study_record import PublishedRow, StudyRecord

EVIL = "<script>alert(1)</script>"
ANY = StudyRecord(name="tiny", question="Is it?")


def contrast(target, name, value, verdict, family="attribute effect", split="weather"):
    row = {
        "split": split,
        "recipe": "smoke",
        "target": target,
        "metric": "mAP",
        "family": family,
        "contrast": name,
    }
    known = verdict != "unknown"
    row |= {"value": value, "family_low": value - 0.02 if known else None}
    return row | {
        "family_high": value + 0.02 if known else None,
        "verdict": verdict,
        "draws": 5,
        "seeds": 3,
    }


def lines(*rows):
    return [
        study_page.ContrastRow(
            r["split"],
            r["target"],
            r["family"],
            r["contrast"],
            r["value"],
            r["family_low"],
            r["family_high"],
            r["verdict"],
            r["contrast"].removeprefix("only-"),
            r["contrast"].startswith("ids-"),
        )
        for r in rows
    ]


@pytest.mark.parametrize(
    ("rows", "headline"),
    [
        (
            [
                contrast("market", "only-sunny", 0.03, "higher"),
                contrast("duke", "only-sunny", -0.05, "lower"),
            ],
            (
                "In 1 of 2 comparisons the choice scores above as many random levels, in 1 below; 0"
                " are undecided."
            ),
        ),
        (
            [
                contrast("market", "only-sunny", 0.01, "undecided"),
                contrast("self", "only-sunny", 0.09, "higher"),
            ],
            "Not shown: none of 1 comparison with as many random levels is decided either way.",
        ),
        (
            [
                contrast("market", "only-sunny", 0.01, "unknown"),
                contrast("market", "only-foggy", -0.01, "unknown"),
            ],
            (
                "No interval could be formed (one seed or identity, or scores that do not vary), so"
                " there is no conclusion: 1 of 2 comparisons with as many random levels scored"
                " above it, which can be chance."
            ),
        ),
        (
            [
                contrast("market", "ids-5", -0.5, "lower", "to the reference"),
                contrast("market", "mild", 0.0, "equivalent", "to the reference"),
            ],
            "Equal to the reference arm within the margin in 1 of 1 comparison; 0 are undecided.",
        ),
        (
            [
                contrast("market", "only-sunny-40", 0.03, "higher", "same size"),
                contrast("market", "only-sunny-80", 0.01, "undecided", "same size"),
            ],
            (
                "In 1 of 2 comparisons the choice scores above the mixture of the same size, in 0"
                " below; 1 are undecided."
            ),
        ),
        (
            [
                contrast("self", "only-sunny", 0.03, "higher"),
                contrast("self+reranked", "only-sunny", 0.01, "undecided"),
            ],
            (
                "In 1 of 1 comparison the choice scores above as many random levels, in 0 below; 0"
                " are undecided."
            ),
        ),
        ([], "Nothing was compared, so there is no answer."),
    ],
    ids=[
        "both ways",
        "only targets count",
        "one seed",
        "rungs are no choice",
        "sizes",
        "re-ranked",
        "nothing",
    ],
)
def test_the_answer_counts_what_is_decided(world, rows, headline):
    assert study_page.target_answer(lines(*rows), [world.read()], ANY).headline == headline


def test_what_is_equal_within_the_margin_is_not_called_undecided():
    rows = lines(
        contrast("market", "only-sunny", 0.001, "equivalent"),
        contrast("market", "only-foggy", 0.03, "higher"),
        contrast("market", "only-clouds", 0.02, "undecided"),
    )
    said = study_page.target_answer(rows, [], ANY)
    assert said.headline.endswith("in 0 below, in 1 equal within the margin; 1 are undecided.")
    assert said.support == [
        "On the target market: foggy +3.0 (+1.0 to +5.0); 1 of 3 equal within the margin; 1 of 3 not"
        " decided."
    ]


def test_the_fairest_opponent_answers():
    rows = lines(
        contrast("market", "only-sunny", 0.2, "higher", "sufficiency"),
        contrast("market", "only-sunny", -0.1, "lower"),
    )
    said = study_page.target_answer(rows, [], ANY)
    assert "as many random levels" in said.headline
    assert said.support == ["On the target market: sunny −10.0 (−12.0 to −8.0)."]


def test_every_split_and_target_is_a_family_of_its_own_and_the_page_counts_them():
    one = lines(
        *(contrast("market", f"only-{name}", 0.0, "undecided") for name in ("sunny", "foggy"))
    )
    family = study_page.FamilyPlot("sufficiency", "", "", tuple(one), None)
    assert family.holds == "Intervals hold at 95% for all of these together."
    assert "not over all" not in study_page.target_answer(one, [], ANY).basis
    rows = [*one, *lines(contrast("msmt17", "only-sunny", 0.0, "undecided"))]
    rows += lines(contrast("market", "only-sunny", 0.0, "undecided", split="hours"))
    rows += lines(contrast("market", "only-sunny", 0.0, "unknown", split="one seed"))
    # weather on market and on msmt17, hours on market: 3 x 0.05
    holds = study_page.FamilyPlot("sufficiency", "", "", tuple(rows), None).holds
    assert "one split on one target together; these are 3 such families, not corrected" in holds
    assert "up to 0.15 of them" in holds
    assert (
        "within each split and target, not over all of them."
        in study_page.target_answer(rows, [], ANY).basis
    )
    assert study_page.FamilyPlot("sufficiency", "", "", tuple(rows[-1:]), None).holds == ""


def test_a_paper_is_compared_in_differences_to_the_same_arm():
    def row(arm, paper, here):
        published = {"mAP": paper, "rank1": None, "rank5": None, "gpu_hours": None}
        return PublishedRow("s", arm, "market", published, here | {"reference": "all"})

    all_, mild = study_page.published_rows(
        [row("all", 0.174, {"mAP": 0.6}), row("mild", 0.197, {"mAP": 0.5})]
    )
    assert all_.paper_difference is None
    assert mild.paper_difference == pytest.approx(0.023)


@pytest.fixture
def told(build, tmp_path):
    world = build(tmp_path, ("sunny", "foggy"), people=("1", EVIL.replace("/", "")), test_people=4)
    rows = [
        contrast("self", "only-sunny", 0.03, "higher"),
        contrast("self", f"only-{EVIL}", -0.05, "lower"),
    ]
    table = schema.conform(_table(rows), schema.CONTRASTS)
    write_table(world.run / "contrasts.parquet", table)
    facts = {"question": f"Is {EVIL} worth it?", "scale": "1/20", "versions": {"gprplus": "0.1.0"}}
    study = StudyRecord(
        name="tiny", command="gprplus study tiny --scale 1/20", source="A paper", **facts
    )
    return study, [reports.read_run_results(world.run)]


@pytest.fixture
def html(told):
    return study_page.render_study(*told, ["runs/weather/smoke/report.html"])


def _table(rows):
    import pyarrow as pa

    whole = [{column.name: row.get(column.name) for column in schema.CONTRASTS} for row in rows]
    return pa.Table.from_pylist(whole, schema.arrow_schema(schema.CONTRASTS))


def test_the_page_answers_first_and_keeps_names_as_text(html):
    assert EVIL not in html
    assert (
        html.index("In 1 of 2 comparisons")
        < html.index("Against as many random levels")
        < html.index("Results by split")
    )
    assert "1/20 of the declared identities and images" in html
    assert 'href="runs/weather/smoke/report.html"' in html
    assert "tested on engine renders, not on photographs" in html
    assert html.count("<script") == 1, "the page's own"
    assert "src=" not in html.split("<script")[0]


def test_page_and_markdown_say_what_their_intervals_hold_for(told, html):
    for text in (html, study_markdown(*told)):
        assert "Intervals hold at 95% for all of these together." in text


def test_a_line_without_an_interval_is_said_where_it_cannot_be_drawn(build, tmp_path):
    world = build(tmp_path, ("sunny", "foggy"), people=("1",), test_people=4)
    rows = [
        contrast("self", "only-sunny", 0.03, "unknown"),
        contrast("self", "only-foggy", -0.05, "lower"),
    ]
    write_table(world.run / "contrasts.parquet", schema.conform(_table(rows), schema.CONTRASTS))
    html = study_page.render_study(ANY, [reports.read_run_results(world.run)], ["report.html"])
    assert "Without an interval, so not drawn: only-sunny on self +3.0." in html
    assert "Small strokes" not in html
