"""The page as a browser gets it: whole, self-contained, escaped, and saying what the tables say."""

import base64
import hashlib
import json
import re
import shlex
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.core.errors import ReportError
from gprplus.reporting import report, verdict_paragraphs
from gprplus.reporting.figures.arm_failures import arm_failures
from gprplus.reporting.figures.example_rankings import example_rankings
from gprplus.reporting.figures.samples import draw_samples
from gprplus.reporting.findings import OUTCOMES
from gprplus.reporting.printed_commands import printed_commands
from gprplus.schema.run_record import TargetRecord

VOID = {"meta", "img", "col", "br", "wbr", "hr", "link", "input"}


class Reader(HTMLParser):
    """Checks that tags nest, and keeps what a test asks about."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def parsed(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open, f"left open: {reader.open}"
    return reader


@pytest.fixture(scope="module")
def page(world) -> Reader:
    files = report([world.run])
    assert [path.name for path in files] == ["report.html", "results.csv", "results.md"]
    return parsed(files[0].read_text())


def sections(reader: Reader) -> list[str]:
    return [a["id"] for tag, a in reader.tags if tag in ("section", "header") and a.get("id")]


def words_of(reader: Reader) -> str:
    return re.sub(r"\s+", " ", " ".join(reader.text))


def test_every_section_is_there(page):
    assert sections(page) == [
        "verdict",
        "target",
        "effects",
        "table",
        "heat",
        "failures",
        "queries",
        "images",
        "audit",
        "again",
        "provenance",
        "notes",
    ]


def test_the_contents_name_sections_that_exist(page):
    targets = [a["href"] for tag, a in page.tags if tag == "a"]
    assert targets[:4] == ["#main", "#verdict", "#target", "#images"]
    named = {a["id"] for _, a in page.tags if "id" in a}
    assert {target[1:] for target in targets} <= named


def test_statistics_are_folded_under_the_picture_they_belong_to(page):
    said = words_of(page)
    forest, arms = said.index("Against the same-budget mixture"), said.index("The arms")
    assert forest < said.index("Statistics: Sufficiency; Random images") < arms
    assert arms < said.index("Statistics: Where the noise comes from; What it takes")
    assert not [a for tag, a in page.tags if tag == "details" and "open" in a]


def test_every_header_of_a_table_has_a_scope(page):
    heads = [a.get("scope") for tag, a in page.tags if tag == "th"]
    assert set(heads) == {"col", "row"}


def test_the_last_command_says_all_that_the_benchmark_was_told(world):
    run = world.read()
    given = {
        "output": "../..",
        "recipe": "../own.toml",
        "steps": 40,
        "compile": "reduce-overhead",
        "rerank": True,
    }
    given |= {
        "epochs": None,
        "margin": 0.5,
        "targets": {"market": "../../../a b"},
        "roots": {"engine": "../r"},
    }
    said = shlex.split(
        printed_commands(replace(run, benchmark=replace(run.benchmark, arguments=given)))[-1]
    )
    home = world.run.resolve()
    assert said[3:] == [
        *(
            "--recipe",
            str(home.parent / "own.toml"),
            "--seeds",
            "2",
            "--steps",
            "40",
            "--compile",
            "reduce-overhead",
        ),
        *(
            "--target",
            f"market={home.parents[2]}/a b",
            "--root",
            f"engine={home.parent}/r",
            "--rerank",
        ),
        *("--margin", "0.5", "-o", str(home.parents[1])),
    ]


def test_the_command_of_a_record_without_arguments_says_what_the_record_lets_one_conclude(world):
    run = world.read()
    names = ("self", "self:cross", "self+reranked", "market+reranked")
    targets = {name: TargetRecord(protocol="camera", fingerprint="") for name in names}
    targets["market"] = TargetRecord(
        protocol="camera", fingerprint="", roots={"market": "../market"}
    )
    request = {"steps": 40, "compute.compile": "reduce-overhead"}
    known = replace(run.benchmark, request=request, targets=targets, arguments=None)
    said = printed_commands(replace(run, benchmark=known))[-1]
    place = world.run.resolve().parent / "market"
    assert (
        f" --seeds 2 --steps 40 --compile reduce-overhead --target market={place} --rerank -o "
        in said
    )


def test_a_study_is_named_in_the_place_of_its_parts(world):
    run = world.read()
    words = [
        "study",
        "first_look",
        "--manifest",
        {"path": "../m"},
        "--target",
        {"name": "x", "path": "../t"},
        3,
    ]
    place = world.run.resolve().parent
    said = printed_commands(replace(run, benchmark=replace(run.benchmark, command=words)))[-1]
    assert said == f"gprplus study first_look --manifest {place}/m --target x={place}/t"


def test_the_page_needs_no_network_and_runs_its_own_script_alone(page, world):
    names = [tag for tag, _ in page.tags]
    assert not set(names) & {"link", "iframe", "object", "embed", "base", "form"}
    assert names.count("script") == 1
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name in ("src", "href", "srcset", "poster", "data", "xlink:href"):
                assert value.startswith(("data:image/jpeg;base64,", "#"))
    html = (world.run / "report.html").read_text()
    style, script = (
        re.search(f"<{n}>(.*?)</{n}>", html, re.DOTALL)[1] for n in ("style", "script")
    )
    assert "url(" not in style
    assert "@import" not in style
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    assert policy.endswith(f"script-src 'sha256-{digest}'")


def test_a_framed_score_is_not_in_the_grey_of_an_outcome(page):
    classes = [(a.get("class") or "").split() for tag, a in page.tags if tag == "td"]
    cells = {name for names in classes if "cell" in names for name in names}
    assert cells == {"cell", "own"}
    assert not cells & set(OUTCOMES.values())


def test_the_page_says_the_verdict(page, world):
    outcome = world.read()
    said = words_of(page)
    for sentence in re.split(
        r"(?<=\.) (?=[A-Z])",
        verdict_paragraphs(outcome.summary, outcome.effect_tables["contrasts"], outcome.experiment),
    ):
        text = sentence.removeprefix("Warning: ")
        assert text[:1].upper() + text[1:] in said


def test_the_caveat_is_under_every_figure(page):
    said = (
        words_of(page)
        .lower()
        .count("trained from scratch and tested on engine renders, not on photographs.")
    )
    assert said == 5, "forest plot, arms, heat map, failures, rankings"
    assert "trained from scratch; tested on engine renders, not on photographs." in words_of(page)


def test_failures_are_counted_by_hand(world):
    run = world.read()
    table = run.queries.to_pandas()
    ranks = table.set_index(["arm", "seed"])["first_match_rank"]
    missed = {
        arm: np.stack([ranks.loc[arm, seed].to_numpy() > 1 for seed in (0, 1)]).mean(axis=0) > 0.5
        for arm in ("only-overcast", "mix")
    }
    found = {one.arm: one for one in arm_failures(run, "mix", "self").arms}
    one = found["only-overcast"]
    assert one.failed == missed["only-overcast"].sum() > 0
    assert one.lost == (missed["only-overcast"] & ~missed["mix"]).sum()
    assert one.won == (~missed["only-overcast"] & missed["mix"]).sum()
    assert [query.score for query in one.worst] == sorted(query.score for query in one.worst)
    assert (found["mix"].lost, found["mix"].won) == (0, 0)


def test_the_same_folder_gives_the_same_page(world):
    first = report([world.run])[0].read_bytes()
    assert report([world.run])[0].read_bytes() == first
    assert len(first) < 3_000_000


def test_pictures_are_matched_down_the_columns(world):
    shown = draw_samples(world.read())
    assert shown.levels == world.levels
    assert shown.matched == "one identity, all other conditions equal"
    assert (len(shown.pictures), shown.unread) == (len(world.levels), 0)
    for column in zip(*shown.pictures, strict=True):
        assert (
            len(
                {
                    picture.text.replace(level, "")
                    for picture, level in zip(column, world.levels, strict=True)
                }
            )
            == 1
        )
    assert len({picture.text.split(",")[0] for picture in shown.pictures[0]}) == len(
        shown.pictures[0]
    ), "new people"


def test_rankings_are_shown_by_the_rule_that_chose_them(world, page):
    shown = example_rankings(world.read(), "mix", "self")
    assert (shown.arm, shown.seed, list(shown.rules)) == (
        "mix",
        0,
        ["best", "median", "worst", "random"],
    )
    order = np.sort(world.ap["mix", 0])[::-1]
    scores = {rule: [search.score for search in searches] for rule, searches in shown.rules.items()}
    assert scores["best"] == pytest.approx(order[:3])
    assert scores["median"] == pytest.approx(order[34:37]), "of 72"
    assert scores["worst"] == pytest.approx(order[-3:])
    assert all(
        search.query.source and search.head[0].picture.source for search in shown.rules["random"]
    )
    marks = [
        a["class"]
        for tag, a in page.tags
        if tag == "figure" and a.get("class") in ("right", "wrong")
    ]
    assert len(marks) == 12 * 4
    right = sum(
        found.right
        for searches in shown.rules.values()
        for search in searches
        for found in search.head
    )
    assert marks.count("right") == right > 0
    said = words_of(page)
    assert "random ones by a hash of the key of the image" in said
    assert said.count("✓") == right


def test_a_run_that_kept_no_ranking_shows_none(build, tmp_path):
    world = build(tmp_path, ("sunny", "foggy"), people=("1",), test_people=4)
    for path in world.run.rglob("ranked.parquet"):
        path.unlink()
    assert "queries" not in sections(parsed(report([world.run])[0].read_text()))


EVIL = "<script>alert(1)</script>"
TWISTED = "\u202eevil\u200f\x1b[31m\nred"


def test_names_stay_text(build, tmp_path):
    world = build(
        tmp_path, ("sunny", '"><img src=x onerror=alert(1)>'), people=("1", "<script>", TWISTED)
    )
    info = json.loads((world.split / "split.json").read_text())
    info["warnings"] = [f"{EVIL} looks like another.", f"{TWISTED} looks like another."]
    info["request"]["where"] = EVIL
    (world.split / "split.json").write_text(json.dumps(info))
    html = report([world.run])[0].read_text()
    reader = parsed(html)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert not [a for _, a in reader.tags if "onerror" in a]
    texts = [a.get("alt") or "" for tag, a in reader.tags if tag == "img"]
    assert any(text.startswith("identity <script>,") for text in texts)
    assert f"{EVIL} looks like another." in words_of(reader)
    assert not set(html) & {"\x1b", "\u202e", "\u200f"}
    assert "\\u202eevil\\u200f\\x1b[31m red looks like another." in words_of(reader)


def test_other_targets_get_their_own_block(build, tmp_path):
    world = build(
        tmp_path, ("sunny", "foggy"), targets=("self", "street"), people=("1",), test_people=4
    )
    reader = parsed(report([world.run])[0].read_text())
    found = sections(reader)
    names = ["target", "effects", "table", "heat", "failures", "queries"]
    assert found[:13] == ["verdict", *names, *(f"{name}-2" for name in names)]
    assert words_of(reader).index("Scored on the target street") < words_of(reader).index(
        "Scored on the split's own"
    )


def test_a_moved_split_costs_the_pictures_and_is_said(build, tmp_path):
    world = build(tmp_path, ("sunny", "foggy"), people=("1",), test_people=4)
    world.split.rename(tmp_path / "elsewhere")
    reader = parsed(report([world.run])[0].read_text())
    assert "images" not in sections(reader)
    assert "The split folder is not at the path in benchmark.json" in words_of(reader)


def test_missing_and_broken_images_leave_empty_places(build, tmp_path):
    world = build(tmp_path, ("sunny", "foggy"), people=("1", "2"), test_people=4)
    (broken, *_), *_ = [sorted((tmp_path / "renders" / "1").iterdir())]
    for path in (tmp_path / "renders" / "1").iterdir():
        path.unlink()
    broken.write_bytes(b"no image")
    shown = draw_samples(world.read())
    assert shown.unread == 2
    assert "2 could not be read at their recorded path" in words_of(
        parsed(report([world.run])[0].read_text())
    )


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda run: (run / "benchmark.json").unlink(),
            "is not a benchmark's run folder .* it has no benchmark.json",
        ),
        (
            lambda run: (run / "summary.parquet").unlink(),
            "has no summary.parquet: its runs are not finished",
        ),
        (
            lambda run: (run / "results.parquet").write_bytes(b"PAR1"),
            "cannot be read as a Parquet table",
        ),
        (
            lambda run: shutil.rmtree(run / "mix" / "seed1"),
            "is half there: mix/seed1/queries.parquet listed in",
        ),
    ],
    ids=["no record", "no summary", "torn table", "a run gone"],
)
def test_a_folder_that_is_half_there_is_refused_in_one_sentence(world, tmp_path, spoil, sentence):
    copy = shutil.copytree(world.run, tmp_path / "weather" / "smoke")
    (copy / "report.html").unlink(missing_ok=True)
    spoil(copy)
    with pytest.raises(ReportError, match=sentence):
        report([copy])
    assert not (copy / "report.html").exists()


def test_the_command_takes_every_finished_run_and_prints_files_and_verdict(world):
    work = world.run.parent.parent.parent
    shown = CliRunner().invoke(cli, ["report", "--work", str(work)])
    assert shown.exit_code == 0, shown.output
    assert "weather / smoke: Training on overcast alone loses" in shown.output
    assert str(world.run / "report.html") in shown.output
    made = json.loads(
        CliRunner()
        .invoke(cli, ["report", str(world.run), "--json", "-o", str(work / "page")])
        .output
    )
    assert [path.rsplit("/", 1)[1] for path in made["reports"][0]["files"]] == [
        "report.html",
        "results.csv",
        "results.md",
    ]
    assert (work / "page" / "report.html").is_file()


def test_an_empty_work_folder_has_nothing_to_report(tmp_path):
    with pytest.raises(ReportError, match="runs holds no finished benchmark"):
        CliRunner().invoke(cli, ["report", "--work", str(tmp_path)], catch_exceptions=False)
