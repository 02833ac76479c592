"""A study: a strict form, splits and runs that are made once, and a dry run that leaves nothing."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from gprplus import declared
from gprplus.cli import cli
from gprplus.errors import DeclarationError, ManifestError, SplitError
from gprplus.ingest import build_manifest
from gprplus.report import outcome as reports
from gprplus.study import SplitPlan, read_study, study

TINY = """
recipe = "smoke"
seeds = 1
steps = 2

[study]
name = "tiny"
question = "Does anything at all happen?"

[[splits]]
attr = "weather"
levels = ["sunny", "foggy"]
controls = false

[[splits]]
name = "by_day"
attr = "illumination"
where = "weather = sunny"
controls = false
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "tiny.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory, draw):
    folder = tmp_path_factory.mktemp("study")
    draw(folder / "renders" / "engine", people=16)
    build_manifest([folder / "renders" / "engine"], folder / "manifest")
    written(folder, TINY)
    return folder


@pytest.mark.parametrize("name", declared.names("studies"))
def test_every_shipped_study_fits_the_form(name):
    plan, declaration = read_study(name)
    assert plan.study.name == declaration.name == name
    assert plan.study.question.endswith("?")
    assert plan.recipe == "auto" or plan.recipe in declared.names("recipes")
    known = {*declared.attributes(), "identity"}
    assert {split.attr for split in plan.splits} <= known


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("seeds", "sedes"), "unknown key 'sedes'. Did you mean 'seeds'?"),
        (('attr = "weather"', 'atr = "weather"'), "unknown key 'atr'. Did you mean 'attr'?"),
        (("seeds = 1", 'seeds = "many"'), "seeds: expected a int, found 'many'"),
        (('question = "Does anything at all happen?"', ""), "study: the key 'question' is missing"),
        (('name = "by_day"', 'name = "weather"'), "the splits weather share a name"),
        (('name = "by_day"', 'name = "../by_day"'), "'../by_day' is no name"),
        (('name = "tiny"', 'name = "tiny/../../x"'), "'tiny/../../x' is no name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_study_is_refused_with_place_and_reason(tmp_path, change, sentence):
    assert change[0] in TINY
    with pytest.raises(DeclarationError) as caught:
        read_study(written(tmp_path, TINY.replace(*change)))
    assert str(caught.value).startswith(f"{tmp_path}/tiny.toml: ")
    assert sentence in str(caught.value)


def test_a_study_without_splits_is_refused(tmp_path):
    text = 'splits = []\n[study]\nname = "x"\nquestion = "?"\n'
    with pytest.raises(DeclarationError, match="nothing to run"):
        read_study(written(tmp_path, text))


def test_levels_may_be_numbers_and_become_text():
    plan = SplitPlan("viewpoint_deg", levels=(90, 270))
    assert plan.options()["levels"] == ["90", "270"]
    assert plan.folder == "viewpoint_deg"


def test_a_dry_run_counts_the_runs_and_leaves_nothing(work):
    before = sorted(path for path in work.rglob("*"))
    found = study(work / "tiny.toml", work=work, device="cpu", dry_run=True)
    # two levels and mix a split, one seed, and the untrained network of each split, which is one and the same run
    assert found.outcome.plan.trained + found.outcome.plan.shared == 8
    assert found.outcome.plan.kept == 0
    assert sorted(path for path in work.rglob("*")) == before


def test_a_study_is_run_reported_and_then_done(work):
    found = study(work / "tiny.toml", work=work, device="cpu", jobs=1)
    home = work / "studies" / "tiny"
    assert found.path == home
    record = json.loads((home / "study.json").read_text())
    assert record["splits"] == ["splits/weather", "splits/by_day"]
    for page in record["reports"]:
        assert (home / page).stat().st_size > 1000
    for folder in found.outcome.folders:
        arms = {row["arm"] for row in reports.read(folder).summary.to_pylist()}
        assert {"mix", "untrained"} < arms
    stamps = {path: path.stat().st_mtime_ns for path in home.rglob("model.safetensors")}
    assert stamps
    again = study(work / "tiny.toml", work=work, device="cpu", jobs=1)
    assert again.outcome.plan.trained == 0
    assert {path: path.stat().st_mtime_ns for path in home.rglob("model.safetensors")} == stamps


def test_a_study_that_lost_a_run_makes_that_run_alone(work):
    home = work / "studies" / "tiny"
    run = next(home.rglob("only-foggy/seed0/run.json"))
    before = json.loads(run.read_text())["targets"]["self"]["scores"]
    run.unlink()
    found = study(work / "tiny.toml", work=work, device="cpu", dry_run=True)
    assert found.outcome.plan.trained + found.outcome.plan.shared == 1
    study(work / "tiny.toml", work=work, device="cpu", jobs=1)
    assert json.loads(run.read_text())["targets"]["self"]["scores"] == before


def test_what_a_study_asks_of_the_manifest_must_be_there(work, tmp_path):
    with pytest.raises(ManifestError, match="no manifest at"):
        study(work / "tiny.toml", work=tmp_path, device="cpu", dry_run=True)
    text = TINY.replace('"sunny", "foggy"', '"sunny", "fogy"')
    with pytest.raises(SplitError, match="'foggy'"):
        study(written(tmp_path, text), work=work, device="cpu", dry_run=True)
    assert os.listdir(tmp_path) == ["tiny.toml"]


def test_the_command_prints_the_question_and_the_cost(work):
    shown = CliRunner().invoke(
        cli, ["study", str(work / "tiny.toml"), "--work", str(work), "--device", "cpu", "--dry-run"]
    )
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("Does anything at all happen?")
    assert "runs: 0 to train" in shown.output
