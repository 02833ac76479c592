"""Contrasts, noise and plans as they are read."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gprplus import schema
from gprplus.cli import cli
from gprplus.evaluation.collect import collect
from gprplus.report.judged import sections, verdict
from gprplus.report.planning import plan, plan_lines


@pytest.fixture(scope="module")
def judged_world(tmp_path_factory, build):
    """A hand-made benchmark whose tables were collected once more, contrasts and all."""
    world = build(tmp_path_factory.mktemp("judged"), seeds=(0, 1, 2))
    info = json.loads((world.split / "split.json").read_text())
    info["arms"] = {
        arm: {"kind": "random-images" if arm.startswith("random") else arm.split("-")[0], "levels": [arm], "images": 48}
        for arm in info["arms"]
    }
    queries = pq.read_table(world.run / "mix" / "seed0" / "queries.parquet")
    assert len(queries)
    for arm in [*info["arms"], "untrained"]:
        for seed in range(3):
            _record(world.run / arm / f"seed{seed}", arm, seed)
    collect(world.run, list(info["arms"]), "mix", info)
    return world


def _record(folder: Path, arm: str, seed: int) -> None:
    scores = dict.fromkeys(("mAP", "rank1", "rank5", "rank10", "mINP"), 0.5) | {"queries": 72}
    facts = {"split": "weather", "recipe": "smoke", "backbone": "small", "weights": "none", "arm": arm, "seed": seed}
    facts |= {"train_identities": 4, "train_images": 48, "images_seen": 1, "steps": 1, "seconds": 1.0, "device": "cpu"}
    facts["targets"] = {"self": {"protocol": "viewpoint", "scores": scores}}
    (folder / "run.json").write_text(json.dumps(facts))


def test_the_report_shows_families_noise_and_what_it_takes(judged_world):
    titles = [section.title for section in sections(judged_world.read().judged)]
    assert titles == ["Sufficiency", "Random images", "Where the noise comes from", "What it takes to see one point"]


def test_every_row_has_a_cell_under_every_header(judged_world):
    for section in sections(judged_world.read().judged):
        assert all(len(row) == len(section.headers) for row in section.rows), section.title


def test_page_and_markdown_hold_the_contrasts(judged_world, tmp_path):
    done = CliRunner().invoke(cli, ["report", str(judged_world.run), "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    for name in ("report.html", "results.md"):
        assert "Where the noise comes from" in (tmp_path / name).read_text()


def test_a_plan_is_told_from_what_the_runs_measured(judged_world):
    done = CliRunner().invoke(cli, ["report", str(judged_world.run), "--plan", "--margin", "0.5", "--json"])
    told = json.loads(done.output)
    assert told["margin"] == 0.005
    assert "measured on 5 arms, 3 seeds and 12 people" in told["plans"][0]["noise"]["source"]
    errors = [step["error"] for step in told["plans"][0]["steps"]]
    assert errors == sorted(errors, reverse=True), "more seeds never harm"


def test_before_any_run_the_plan_says_what_it_assumes(tmp_path):
    done = CliRunner().invoke(cli, ["report", "--plan", "--work", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "assumed: sd of AP 22 points" in done.output


def test_the_field_s_three_seeds_see_a_point_and_a_half():
    _, persons, steps = plan([])
    three = next(step for step in steps if step.seeds == 3)
    assert persons == 750
    assert three.error == pytest.approx(0.0056, abs=2e-4)
    assert three.smallest == pytest.approx(0.0155, abs=1e-3)


def test_one_seed_makes_no_plan():
    rows = pa.Table.from_pylist([{"component": "person", "variance": 0.1}], schema.arrow_schema(schema.COMPONENTS))
    assert plan(rows.to_pylist()) is None
    assert plan_lines(rows.to_pylist()) == ([], [], "")


@pytest.mark.parametrize(
    ("said", "p", "words"),
    [
        ("lower", 0.9, "lower"),
        ("lower", 0.01, "lower, by less than 1.0"),
        ("equivalent", 0.01, "equivalent within 1.0"),
        ("undecided", 0.3, "undecided"),
        ("unknown", None, "unknown"),
    ],
)
def test_a_verdict_says_when_a_shown_difference_is_small(said, p, words):
    assert verdict({"verdict": said, "p_equivalence": p}, "1.0") == words
