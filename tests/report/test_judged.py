"""Contrasts, noise and plans as they are read."""

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

from gprplus import schema
from gprplus.cli import cli
from gprplus.reporting.contrast_tables import table_sections
from gprplus.reporting.findings import verdict_text
from gprplus.reporting.power_plan import plan_lines, power_plan


@pytest.fixture(scope="module")
def judged_world(tmp_path_factory, build):
    """A benchmark of three seeds."""
    return build(tmp_path_factory.mktemp("judged"), seeds=(0, 1, 2))


def test_the_report_shows_families_noise_and_what_it_takes(judged_world):
    titles = [section.title for section in table_sections(judged_world.read().effect_tables)]
    assert titles == [
        "Sufficiency",
        "Random images",
        "Where the noise comes from",
        "What it takes to see one point",
    ]


def test_every_row_has_a_cell_under_every_header(judged_world):
    for section in table_sections(judged_world.read().effect_tables):
        assert all(len(row) == len(section.headers) for row in section.rows), section.title


def test_page_and_markdown_hold_the_contrasts(judged_world, tmp_path):
    done = CliRunner().invoke(cli, ["report", str(judged_world.run), "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    for name in ("report.html", "results.md"):
        assert "Where the noise comes from" in (tmp_path / name).read_text()


def test_a_plan_is_told_from_what_the_runs_measured(judged_world):
    done = CliRunner().invoke(
        cli, ["report", str(judged_world.run), "--plan", "--margin", "0.5", "--json"]
    )
    told = json.loads(done.output)
    assert told["margin"] == 0.005
    assert "measured on 5 arms, 3 seeds and 12 identities" in told["plans"][0]["noise"]["source"]
    errors = [step["error"] for step in told["plans"][0]["steps"]]
    assert errors == sorted(errors, reverse=True), "more seeds never harm"


def test_before_any_run_the_plan_says_what_it_assumes(tmp_path):
    done = CliRunner().invoke(cli, ["report", "--plan", "--work", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "assumed: sd of AP 22 points" in done.output


def test_the_field_s_three_seeds_see_not_quite_two_and_a_half_points():
    _, persons, steps = power_plan([])
    three = next(step for step in steps if step.seeds == 3)
    assert persons == 750
    assert three.std_error == pytest.approx(0.0056, abs=2e-4)
    assert three.smallest == pytest.approx(0.0234, abs=5e-4)


def test_one_seed_makes_no_plan():
    rows = pa.Table.from_pylist(
        [{"component": "person", "variance": 0.1}], schema.arrow_schema(schema.COMPONENTS)
    )
    assert power_plan(rows.to_pylist()) is None
    assert plan_lines(rows.to_pylist()) == ([], [], "")


def test_effects_over_targets_and_the_spread_between_them_are_told_in_points():
    row = {
        "metric": "mAP",
        "family": "sufficiency",
        "contrast": "only-foggy",
        "targets": 3,
        "value": -0.021,
        "tau": 0.013,
    }
    row |= {"low": -0.03, "high": -0.012, "expected_low": -0.05, "expected_high": 0.008}
    pooled = pa.Table.from_pylist([row], schema.arrow_schema(schema.POOLED))
    (section,) = table_sections({"pooled": pooled})
    assert section.rows == [
        ["only-foggy (sufficiency)", "−2.1", "−3.0 to −1.2", "1.3", "−5.0 to +0.8"]
    ]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.03, -0.02, "lower"),
        (-0.009, -0.002, "lower, by less than 1.0"),
        (0.001, 0.03, "higher"),
        (-0.009, 0.004, "equal within 1.0"),
        (-0.01, 0.004, "undecided"),
        (0.0, 0.02, "undecided"),
        (None, None, "unknown"),
    ],
)
def test_a_verdict_says_what_its_interval_says(low, high, words):
    assert verdict_text({"family_low": low, "family_high": high, "margin": 0.01}) == words
