"""A study: a strict form, splits and runs that are made once, and a dry run that leaves nothing."""

import json
import os
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from recipes import small_recipe

from gprplus.cli import cli
from gprplus.core import declarations
from gprplus.core.errors import DeclarationError, ManifestError, SplitError
from gprplus.experiments.studies.run_study import study
from gprplus.experiments.studies.study_file import (
    SPLIT_KEYS,
    PublishedScores,
    StudyFile,
    StudyInfo,
    make_study_splits,
    merge_studies,
    read_study,
)
from gprplus.ingest import Manifest, build_manifest
from gprplus.reporting import run_results as reports

TINY = """
recipe = "small.toml"
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
    recipe = folder / "small.toml"
    recipe.write_text(small_recipe(2))
    path.write_text(text.replace("small.toml", str(recipe)))
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory, draw):
    folder = tmp_path_factory.mktemp("study")
    draw(folder / "renders" / "engine", people=16)
    build_manifest([folder / "renders" / "engine"], folder / "manifest")
    written(folder, TINY)
    return folder


@pytest.mark.parametrize("name", declarations.declaration_names("studies"))
def test_every_shipped_study_fits_the_form(name):
    plan, declaration = read_study(name)
    assert plan.study.name == declaration.name == name
    assert plan.study.question.endswith("?")
    assert plan.recipe == "auto" or plan.recipe in declarations.declaration_names("recipes")
    known = {*declarations.attributes(), "identity"}
    assert {split.request.attr for split in plan.splits} <= known


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("seeds", "sedes"), "unknown key 'sedes'. Did you mean 'seeds'?"),
        (('attr = "weather"', 'atr = "weather"'), "unknown key 'atr'. Did you mean 'attr'?"),
        (("seeds = 1", 'seeds = "many"'), "seeds: expected a whole number, found 'many'"),
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


def test_levels_may_be_numbers_and_blanks_in_a_filter_make_no_other_request(tmp_path):
    text = TINY.replace('"sunny", "foggy"', '90, "270"').replace('"weather"', '"viewpoint_deg"')
    plan, _ = read_study(written(tmp_path, text.replace("weather = sunny", "weather   =  sunny")))
    assert plan.splits[0].name == "viewpoint_deg"
    assert plan.splits[0].request.levels == ("90", "270")
    assert plan.splits[1].request.where == "weather = sunny"


PUBLISHED = """
[splits.published.mix]
market = {mAP = 0.174, rank1 = 0.418, gpu_hours = 61.5}

[targets]
market = "market1501"
"""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("market = {", "markt = {"),
            "published.mix.markt: no such target. Did you mean 'market'?",
        ),
        (("0.174", "17.4"), "mAP is a score between 0 and 1; found 17.4"),
        (("gpu_hours", "gpu_hour"), "unknown key 'gpu_hour'. Did you mean 'gpu_hours'?"),
    ],
    ids=["another target", "per cent", "another key"],
)
def test_published_values_are_scores_on_targets_of_the_study(tmp_path, change, sentence):
    plan, _ = read_study(written(tmp_path, TINY + PUBLISHED))
    assert plan.splits[1].published["mix"]["market"].rank1 == 0.418
    with pytest.raises(DeclarationError, match=re.escape(sentence)):
        read_study(written(tmp_path, TINY + PUBLISHED.replace(*change)))


def test_studies_that_train_alike_are_run_as_one(tmp_path):
    first, _ = read_study(written(tmp_path, TINY))
    other = TINY.replace('"tiny"', '"more"').replace(
        'attr = "weather"', 'name = "dry"\nattr = "weather"'
    )
    second, _ = read_study(
        written(tmp_path, other.replace("by_day", "by_hour") + '\n[targets]\nmarket = "m"\n')
    )
    both = merge_studies([first, second])
    assert both.study.name == "tiny+more"
    assert [split.name for split in both.splits] == ["weather", "by_day", "dry", "by_hour"]
    assert both.targets == {"market": "m"}
    with pytest.raises(DeclarationError, match="a split of the same name"):
        merge_studies([first, first])
    with pytest.raises(DeclarationError, match="seeds is 1 in the first and 3 in the second"):
        merge_studies([first, replace(second, seeds=3)])


def test_make_split_makes_the_splits_of_a_study_alone(work, tmp_path):
    arguments = [
        "make-split",
        "--study",
        str(work / "tiny.toml"),
        "--work",
        str(work),
        "-o",
        str(tmp_path),
    ]
    shown = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert shown.output.count("next: gprplus benchmark") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["by_day", "weather"]
    told = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).output)
    assert [split["request"]["attr"] for split in told["splits"]] == ["weather", "illumination"]
    wrong = CliRunner().invoke(cli, [*arguments, "--attr", "weather"])
    assert (wrong.exit_code, "leave --attr out" in wrong.output) == (2, True)


def test_a_published_arm_that_no_split_has_is_refused(work, tmp_path):
    plan, _ = read_study(
        written(tmp_path, TINY + PUBLISHED.replace("published.mix", "published.mixx"))
    )
    with pytest.raises(SplitError, match=r"by_day has no arm 'mixx' .*Did you mean 'mix'"):
        make_study_splits(plan, work / "manifest", tmp_path / "splits", force=False)


def test_a_refused_study_leaves_no_folder(work, tmp_path):
    text = TINY.replace("controls = false", 'controls = false\nexclude = "none.csv"', 1)
    with pytest.raises(SplitError, match=r"there is no file .*none\.csv"):
        study(written(tmp_path, text), tmp_path / "out", work=work)
    assert not (tmp_path / "out").exists()


def test_files_of_splits_are_below_the_work_folder(work, tmp_path):
    uids = Manifest.open(work / "manifest").images(["uid"]).column("uid").to_pylist()
    (work / "few.csv").write_text("\n".join(["uid", *map(str, uids[:5])]))
    (work / "arm.csv").write_text("\n".join(["uid", *map(str, uids[5:])]))
    arms = """
[[splits]]
attr = "weather"
design = "declared"
exclude = "few.csv"
test_share = 0.0
controls = false
arms = [{name = "most", table = "arm.csv"}]
"""
    plan, _ = read_study(written(tmp_path, TINY.partition("[[splits]]")[0] + arms))
    with pytest.raises(SplitError, match=r"there is no file (few|arm)\.csv"):
        make_study_splits(plan, work / "manifest", tmp_path / "a", force=False)
    (split,) = make_study_splits(
        plan.below(work), work / "manifest", tmp_path / "splits", force=False
    )
    assert split.record.exclusions is not None
    assert split.record.exclusions.images == 5
    assert sorted(split.train("most")["uid"].to_pylist()) == sorted(uids[5:])


def test_the_page_about_studies_names_every_key_and_its_example_reads(tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "studies.md").read_text(encoding="utf-8")
    keys = {f.name for form in (StudyFile, StudyInfo, PublishedScores) for f in fields(form)} | set(
        SPLIT_KEYS
    )
    assert {key for key in keys if f"`{key}`" not in page} == set()
    assert all(f"`{name}`" in page for name in declarations.declaration_names("studies"))
    for i, example in enumerate(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)):
        (tmp_path / f"{i}.toml").write_text(example)
        assert read_study(tmp_path / f"{i}.toml")[0].splits


def test_a_dry_run_counts_the_runs_and_leaves_nothing(work):
    before = sorted(path for path in work.rglob("*"))
    found = study(work / "tiny.toml", work=work, device="cpu", dry_run=True)
    # two levels and mix a split, one seed, and the untrained network of each split, which is one
    # and the same run
    assert found.outcome.plan.trained + found.outcome.plan.shared == 8
    assert found.outcome.plan.kept == 0
    assert sorted(path for path in work.rglob("*")) == before


def test_a_study_is_run_reported_and_then_done(work):
    found = study(work / "tiny.toml", work=work, device="cpu", jobs=1)
    home = work / "studies" / "tiny"
    assert found.path == home
    rows = (home / "results.csv").read_text().splitlines()
    assert rows[0].startswith("split,")
    assert sum(row.startswith("split,") for row in rows) == 1
    said = (home / "study.md").read_text()
    assert said.startswith("# ")
    assert "| split | target | contrast |" in said
    record = json.loads((home / "study.json").read_text())
    assert record["splits"] == ["splits/weather", "splits/by_day"]
    for page in record["reports"]:
        assert (home / page).stat().st_size > 1000
    for folder in found.outcome.folders:
        arms = {row["arm"] for row in reports.read_run_results(folder).summary.to_pylist()}
        assert {"mix", "untrained"} < arms
    stamps = {path: path.stat().st_mtime_ns for path in home.rglob("model.safetensors")}
    assert stamps
    again = study(work / "tiny.toml", work=work, device="cpu", jobs=1)
    assert again.outcome.plan.trained == 0
    assert {path: path.stat().st_mtime_ns for path in home.rglob("model.safetensors")} == stamps


def test_shards_of_a_study_train_every_run_once_and_the_last_command_reports(work, tmp_path):
    """Two splits of two levels are six arms and an untrained network: seven runs, and one that
    shares the untrained network."""
    home = tmp_path / "home"
    words = ["study", str(work / "tiny.toml"), "--work", str(work), "-o", str(home)]
    words += ["--device", "cpu", "--jobs", "1"]
    seen: set[Path] = set()
    for number, count in ((1, 4), (2, 3)):
        result = CliRunner().invoke(cli, [*words, "--shard", f"{number}/2"])
        assert f"Shard {number}/2 is finished." in result.stdout
        new = set(home.rglob("run.json")) - seen
        assert len(new) == count
        seen |= new
    assert not (home / "study.json").exists()
    before = {path: path.stat().st_mtime_ns for path in seen}
    assert CliRunner().invoke(cli, words).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in seen} == before
    assert len(list(home.rglob("run.json"))) == 8
    assert "--shard" not in (home / "study.json").read_text()
    with pytest.raises(DeclarationError, match="--force replaces the runs of all shards"):
        study(work / "tiny.toml", output=home, work=work, shard="1/2", force=True)


def test_equal_epochs_make_the_same_steps_for_every_split_of_a_study(work, tmp_path):
    recipe = tmp_path / "quick.toml"
    recipe.write_text(small_recipe(2).replace("steps = 2", "epochs = 1\nequal = true"))
    text = (
        TINY.replace(
            "[[splits]]",
            '[[splits]]\nname = "again"\nattr = "weather"\nlevels = ["sunny", "foggy"]\ncontrols ='
            " false\n\n[[splits]]",
            1,
        )
        .replace('"small.toml"', f'"{recipe}"')
        .replace("steps = 2\n", "")
    )
    home = study(
        written(tmp_path, text), work=work, output=tmp_path / "home", device="cpu", jobs=1
    ).path
    sets, steps = {}, set()
    for name in ("weather", "again", "by_day"):
        record = json.loads((home / "splits" / name / "split.json").read_text())
        sets |= {arm["fingerprint"]: arm["images"] for arm in record["arms"].values()}
        steps.add(
            json.loads((home / "runs" / name / "quick" / "benchmark.json").read_text())["request"][
                "steps"
            ]
        )
    assert len(sets) == 6, "the second split has the first one's"
    assert len({*sets.values()}) > 1
    assert steps == {int(sum(sets.values()) / 6 / 6)}


def test_what_was_published_stands_beside_what_came_out(work, tmp_path):
    values = "{mAP = 0.174, rank1 = 0.418, gpu_hours = 61.5}"
    path = written(tmp_path, f"{TINY}\n[splits.published.mix]\nself = {values}\n")
    arguments = ["study", str(path), "--work", str(work), "--device", "cpu", "--jobs", "1"]
    shown = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    (row,) = json.loads((work / "studies" / "tiny" / "study.json").read_text())["beside_published"]
    assert (row["split"], row["arm"], row["target"]) == ("by_day", "mix", "self")
    assert row["published"] == {"mAP": 0.174, "rank1": 0.418, "rank5": None, "gpu_hours": 61.5}
    assert 0 < row["here"]["mAP"] <= 1
    assert f"17.4 {100 * row['here']['mAP']:.1f} 41.8" in re.sub(" +", " ", shown.output)


def test_a_study_that_lost_a_run_makes_that_run_alone(work):
    study(work / "tiny.toml", work=work, device="cpu", jobs=1)
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
    assert sorted(os.listdir(tmp_path)) == ["small.toml", "tiny.toml"]


def test_a_target_that_is_not_there_is_asked_for_by_name(work, tmp_path):
    text = TINY + '\n[targets]\nmarket = "market1501"\n'
    with pytest.raises(
        DeclarationError,
        match=r"The target market of tiny is not at .*market1501.*--target market=PATH",
    ):
        study(written(tmp_path, text), work=work, device="cpu", dry_run=True)


def test_the_command_prints_the_question_and_the_cost(work):
    study(work / "tiny.toml", work=work, device="cpu", jobs=1)
    shown = CliRunner().invoke(
        cli, ["study", str(work / "tiny.toml"), "--work", str(work), "--device", "cpu", "--dry-run"]
    )
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("Does anything at all happen?")
    assert "runs: 0 to train" in shown.output


def test_a_study_is_compiled_as_the_command_asks(work, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        torch, "compile", lambda network, **options: asked.append(options["mode"]) or network
    )
    home = tmp_path / "home"
    words = [
        "study",
        str(work / "tiny.toml"),
        "--work",
        str(work),
        "--device",
        "cpu",
        "--jobs",
        "1",
        "-o",
        str(home),
    ]
    CliRunner().invoke(
        cli, [*words, "--steps", "1", "--compile", "default"], catch_exceptions=False
    )
    assert set(asked) == {"default"}
    record = json.loads((home / "study.json").read_text())
    assert "--steps 1 --compile default" in record["command"]
    other = CliRunner().invoke(cli, [*words, "--steps", "1"])
    assert (other.exit_code, "compile" in str(other.exception)) == (
        1,
        True,
    ), "another request into the same folder"


def test_two_studies_into_one_folder_are_not_mixed(work, tmp_path):
    from gprplus.core.files.folders import hold_folder

    with (
        hold_folder(tmp_path / "home", "a study", DeclarationError),
        pytest.raises(DeclarationError, match="Another gprplus"),
    ):
        study(work / "tiny.toml", output=tmp_path / "home", manifest=work / "manifest")
    assert os.listdir(tmp_path / "home") == [".gprplus"]
