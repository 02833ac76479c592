"""The benchmark end to end on a few drawn people: what it trains, keeps, shares, adds and
refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner
from recipes import small_recipe, small_work
from safetensors.torch import load_file as torch_load
from safetensors.torch import save_file

from gprplus import schema
from gprplus.baseline import precision_trial
from gprplus.cli import cli
from gprplus.core.errors import (
    DeviceError,
    GprplusError,
    RecipeError,
    RequestChanged,
    SplitError,
    TrainingError,
)
from gprplus.core.files.folders import hold_folder
from gprplus.core.imaging import images
from gprplus.core.imaging.images import encode_jpeg
from gprplus.experiments import run as trial
from gprplus.experiments import run_reports
from gprplus.experiments.run_benchmark import benchmark
from gprplus.ingest import build_manifest
from gprplus.reporting.findings import with_family_columns
from gprplus.schema.run_record import Precision
from gprplus.splits import Split, make_split


@pytest.fixture(scope="module")
def work(draw, tmp_path_factory):
    """A work folder with renders, manifest, a split of two weathers, and a recipe of three
    steps."""
    return small_work(draw, tmp_path_factory.mktemp("work"), steps=3)


@pytest.fixture(scope="module")
def done(work):
    """The benchmark of that split, done once."""
    return ask(work)


def ask(work, output="runs", splits=None, **options):
    options = {"recipe": work / "tiny.toml", "device": "cpu", "jobs": 1} | options
    return benchmark(splits or [work / "splits" / "weather"], work / output, **options)


def stamps(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("run.json")
    }


def test_every_arm_and_the_floor_are_trained_scored_and_collected(work, done):
    folder = work / "runs" / "weather" / "tiny"
    assert done.folders == (folder,)
    arms = ["only-sunny", "only-foggy", "mix", "random-images-1", "untrained"]
    results = pq.read_table(folder / "results.parquet")
    assert results.schema.names == [column.name for column in schema.RESULTS]
    assert results.column("arm").to_pylist() == arms
    assert set(results.column("target").to_pylist()) == {"self"}
    assert all(0 <= value <= 1 for value in results.column("mAP").to_pylist())
    for arm in arms:
        run = folder / arm / "seed0"
        assert {path.name for path in run.iterdir()} == {
            "run.json",
            "log.jsonl",
            "model.safetensors",
            "queries.parquet",
            "ranked.parquet",
        }
        record = json.loads((run / "run.json").read_text())
        assert record["steps"] == (0 if arm == "untrained" else 3)
        assert record["config"]["input"]["height"] == 32
        queries = pq.read_table(run / "queries.parquet")
        assert queries.num_rows == record["targets"]["self"]["scores"]["queries"]
    assert done.summaries[0].column("arm").to_pylist() == arms
    assert all(
        (folder / name).is_file()
        for name in ("report.html", "results.csv", "results.md", "benchmark.json")
    )


@pytest.fixture(scope="module")
def dealt(work):
    """Three seeds on a split of two deals, whose third seed has no deal of its own."""
    make_split(
        work / "manifest",
        "weather",
        output=work / "splits" / "dealt",
        deals=2,
        cross_level_tests=False,
    )
    return ask(work, "dealt", splits=[work / "splits" / "dealt"], seeds=3)


def test_each_seed_trains_on_its_own_deal(work, dealt):
    split, folder = Split.open(work / "splits" / "dealt"), dealt.folders[0]
    for seed, deal in ((0, 0), (1, 1), (2, 0)):
        for arm in ("mix", "random-images-1"):
            record = json.loads((folder / arm / f"seed{seed}" / "run.json").read_text())
            assert record["deal"] == deal
            assert record["train_digest"] == split.record.arms[arm].deals[deal].fingerprint
        record = json.loads((folder / "only-sunny" / f"seed{seed}" / "run.json").read_text())
        assert record["deal"] is None  # its rows are equal in all deals
        assert record["train_digest"] == split.record.arms["only-sunny"].fingerprint
    first, second, third = (
        (folder / "mix" / f"seed{seed}" / "run.json")
        .read_text()
        .partition('"train_digest": "')[2][:64]
        for seed in range(3)
    )
    assert first == third != second


def test_seeds_beyond_the_deals_are_warned_of(work, dealt):
    assert dealt.plan.warnings == (
        (
            "dealt has 2 deals for 3 seeds: seed 2 trains on earlier deals again, and intervals"
            " count them as further draws. gprplus make-split --deals 3 draws one for each seed."
        ),
    )
    few = {"splits": [work / "splits" / "dealt"], "dry_run": True}
    assert ask(work, "dealt", seeds=2, **few).plan.warnings == ()
    many = ask(work, "dealt", seeds=5, **few).plan
    assert "seeds 2 to 4 train" in many.warnings[0]
    assert (many.trained, many.kept) == (10, 15)


def test_seeds_on_one_draw_are_warned_of_where_something_is_drawn(work):
    make_split(
        work / "manifest",
        "weather",
        output=work / "splits" / "once",
        deals=1,
        cross_level_tests=False,
    )
    make_split(work / "manifest", "weather", design="full", output=work / "splits" / "whole")
    few = {"dry_run": True, "seeds": 3}
    said = ask(work, "once", splits=[work / "splits" / "once"], **few).plan.warnings
    assert said == (
        (
            "All 3 seeds of once train on one draw, whose variance is in no interval: "
            "gprplus make-split --deals 3 draws one "
            "for each seed."
        ),
    )
    assert ask(work, "whole", splits=[work / "splits" / "whole"], **few).plan.warnings == ()
    assert (
        ask(work, "once", splits=[work / "splits" / "once"], seeds=1, dry_run=True).plan.warnings
        == ()
    )


def test_a_control_counts_a_draw_for_each_seed_that_has_a_deal(dealt):
    rows = pq.read_table(dealt.folders[0] / "contrasts.parquet").to_pylist()
    assert {row["draws"] for row in rows if row["family"] == "random images"} == {2}
    told = {
        row["arm"]: row
        for row in with_family_columns(
            dealt.summaries[0].to_pylist(), dealt.contrasts[0].to_pylist()
        )
    }
    assert told["random-images-1"]["family"] == "random images"  # one arm, of whatever many draws


def test_the_mean_of_the_queries_is_the_score(work, done):
    folder = done.folders[0]
    for row in pq.read_table(folder / "results.parquet").to_pylist():
        queries = pq.read_table(folder / row["arm"] / "seed0" / "queries.parquet").filter(
            pq.filters_to_expression([("valid", "==", True)])
        )
        assert sum(queries.column("AP").to_pylist()) / queries.num_rows == pytest.approx(row["mAP"])


def test_the_same_request_again_trains_nothing(work, done):
    before = stamps(work / "runs")
    again = ask(work)
    assert stamps(work / "runs") == before
    assert (again.plan.trained, again.plan.kept) == (0, 5)
    assert again.summaries[0].equals(done.summaries[0])


def test_a_changed_option_stops_with_the_difference_and_force_replaces(work, done, tmp_path):
    with pytest.raises(RequestChanged, match="steps was 3, now 4"):
        ask(work, steps=4)
    shutil.copytree(work / "runs", work / "forced")
    replaced = ask(work, "forced", steps=4, force=True)
    assert replaced.plan.kept == 0
    assert set(
        pq.read_table(replaced.folders[0] / "results.parquet").column("steps").to_pylist()
    ) == {0, 4}


def test_images_drawn_anew_under_the_same_split_stop_and_force_trains_on_them(work, done, tmp_path):
    for part in ("renders", "manifest", "splits", "runs"):
        shutil.copytree(work / part, tmp_path / part)
    (tmp_path / "tiny.toml").write_text(small_recipe(3))
    assert ask(tmp_path).plan.kept == 5, "copies with another date are the same images"
    for path in (tmp_path / "renders").rglob("*.jpg"):
        path.write_bytes(encode_jpeg(255 - images.decode_image(path.read_bytes())))
    for way in ({}, {"dry_run": True}):
        with pytest.raises(
            RequestChanged, match="other pictures: the files of split weather have changed"
        ):
            ask(tmp_path, **way)
    replaced = ask(tmp_path, force=True)
    assert replaced.plan.trained == 5
    assert not replaced.summaries[0].column("mAP").equals(done.summaries[0].column("mAP"))
    assert ask(tmp_path).plan.kept == 5


def test_more_seeds_and_targets_only_add(work, draw, done):
    shutil.copytree(work / "runs", work / "more")
    before = stamps(work / "more")
    two = ask(work, "more", seeds=2)
    assert two.plan.kept == 5
    assert before.items() <= stamps(work / "more").items()
    draw(work / "elsewhere", people=4, views=3, name="street")
    targeted = ask(work, "more", seeds=2, targets={"street": work / "elsewhere"})
    results = pq.read_table(targeted.folders[0] / "results.parquet").to_pylist()
    assert {(row["target"], row["seed"]) for row in results} == {
        (t, s) for t in ("self", "street") for s in (0, 1)
    }
    assert targeted.plan.trained == 0
    assert (work / "targets" / "street" / "manifest.json").is_file()
    record = json.loads((targeted.folders[0] / "benchmark.json").read_text())
    assert set(record["targets"]) == {"self", "street"}
    first = {
        row["seed"]: row["mAP"]
        for row in results
        if row["target"] == "self" and row["arm"] == "mix"
    }
    assert first[0] == pytest.approx(
        done.summaries[0].filter(mask(done, "mix")).column("mAP")[0].as_py()
    )


def test_one_trial_decides_the_number_type_of_all_runs(work, monkeypatch):
    (work / "auto.toml").write_text(small_recipe(3).replace('precision = "float32"', ""))
    rates, tried = {"float32": 100.0, "bfloat16": 50.0}, []

    def trial_of(recipe, threads):
        tried.append((recipe.name, threads))
        return Precision(chosen="float32", images_per_second=rates, bfloat16_finite=True)

    monkeypatch.setattr(precision_trial, "try_precisions", trial_of)
    folder = ask(work, "auto", recipe=work / "auto.toml").folders[0]
    record = json.loads((folder / "benchmark.json").read_text())
    assert record["precision"] == {
        "chosen": "float32",
        "images_per_second": rates,
        "bfloat16_finite": True,
    }
    assert record["request"]["compute.precision"] == "auto"
    assert "bfloat16: 50 images/s" in (folder / "report.html").read_text()

    record.pop("precision")  # as before there was a trial
    (folder / "benchmark.json").write_text(json.dumps(record))
    ask(work, "auto", recipe=work / "auto.toml", seeds=2)
    assert tried == [("auto", 1)], "a resumed benchmark keeps the type of its runs"
    runs = [json.loads(path.read_text()) for path in folder.rglob("run.json")]
    assert [one["config"]["precision"] for one in runs] == ["torch.float32"] * 10
    assert [one["config"]["compute"]["precision"] for one in runs] == ["float32"] * 10
    assert json.loads((folder / "benchmark.json").read_text())["precision"] == {"chosen": "float32"}


def mask(outcome, arm):
    return [name == arm for name in outcome.summaries[0].column("arm").to_pylist()]


def test_re_ranking_scores_once_more_and_trains_nothing(work, done):
    shutil.copytree(work / "runs", work / "reranked")
    models = sorted((work / "reranked").rglob("model.safetensors"))
    before = [path.stat().st_mtime_ns for path in models]
    outcome = ask(work, output="reranked", rerank=True)
    assert models
    assert [path.stat().st_mtime_ns for path in models] == before
    summary = outcome.summaries[0].to_pandas()
    assert set(summary["target"]) == {"self", "self+reranked"}
    plain, again = (
        summary[summary["target"] == name]["mAP"].to_numpy() for name in ("self", "self+reranked")
    )
    assert (plain != again).any()
    facts = json.loads((outcome.folders[0] / "benchmark.json").read_text())["targets"][
        "self+reranked"
    ]
    assert facts["rerank"] == {"k1": 20, "k2": 6, "share": 0.3}


def test_torchrun_trains_each_run_by_two_processes_and_writes_once(work, tmp_path, commands):
    (tmp_path / "even.toml").write_text(small_recipe(3).replace("identities = 3", "identities = 4"))
    launched = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "--no-python",
    ]
    asked = [
        "benchmark",
        str(work / "splits" / "weather"),
        "--recipe",
        str(tmp_path / "even.toml"),
        "--seeds",
        "1",
    ]
    ended = subprocess.run(
        [*launched, *commands.sent("gprplus", *asked, "-o", str(tmp_path / "runs"))],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    record = json.loads(
        (tmp_path / "runs" / "weather" / "even" / "mix" / "seed0" / "run.json").read_text()
    )
    assert record["processes"] == 2
    assert record["images_seen"] == 3 * 4 * 2
    assert ended.stdout.count("report:") == 1, "one process speaks for all"


def test_an_interrupted_benchmark_goes_on_and_ends_the_same(work, done, monkeypatch):
    real, count = trial.train_and_score, []

    def stop_at_the_third(one):
        if len(count) == 2:
            raise KeyboardInterrupt
        count.append(one)
        return real(one)

    monkeypatch.setattr(trial, "train_and_score", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        ask(work, "stopped")
    monkeypatch.setattr(trial, "train_and_score", real)
    resumed = ask(work, "stopped")
    assert (resumed.plan.kept, resumed.plan.trained) == (2, 3)
    dropped = ["seconds"]
    assert resumed.summaries[0].drop(dropped).equals(done.summaries[0].drop(dropped))


def test_a_folder_that_another_benchmark_fills_is_left_to_it(work, done):
    table = (work / "runs/weather/tiny/results.parquet").stat().st_mtime_ns
    with (
        hold_folder(work / "runs/weather/tiny", "runs", RequestChanged),
        pytest.raises(RequestChanged, match=r"Another gprplus is writing to .*tiny"),
    ):
        ask(work)
    assert (work / "runs/weather/tiny/results.parquet").stat().st_mtime_ns == table
    assert ask(work, dry_run=True).plan.trained == 0, "looking is free"


@pytest.fixture(scope="module")
def parallel(work):
    """The same benchmark by two processes, and the progress that it reported."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:  # in this process; workers keep theirs
        patch.setattr(run_reports, "SECONDS_BETWEEN_REPORTS", 0.0)
        made = ask(
            work, "parallel", jobs=2, progress=lambda done, total: seen.append((done, total))
        )
    return made, seen


def test_two_processes_end_with_the_same_scores_as_one(done, parallel):
    two, _ = parallel
    assert two.summaries[0].drop(["seconds"]).equals(done.summaries[0].drop(["seconds"]))


def test_equal_training_sets_are_trained_once(work):
    make_split(
        work / "manifest", "illumination", output=work / "splits" / "light", cross_level_tests=False
    )
    make_split(
        work / "manifest",
        "illumination",
        output=work / "splits" / "light-again",
        cross_level_tests=False,
    )
    both = [work / "splits" / "light", work / "splits" / "light-again"]
    outcome = ask(work, "shared", splits=both)
    assert outcome.plan.shared == outcome.plan.trained
    assert outcome.plan.images == 96, "images that two splits share are counted once"
    one, other = (pq.read_table(folder / "results.parquet") for folder in outcome.folders)
    assert one.column("mAP").equals(other.column("mAP"))
    shared = json.loads((outcome.folders[1] / "mix" / "seed0" / "run.json").read_text())
    assert "twin" in shared
    assert shared["initial_weights"]["tensors"] == 37


def test_a_dry_run_counts_and_writes_nothing(work):
    outcome = ask(work, "dry", dry_run=True)
    assert not (work / "dry").exists()
    plan = outcome.plan
    assert (plan.trained, plan.shared, plan.kept) == (5, 0, 0)
    assert plan.images == 96
    assert plan.seconds > 0
    assert outcome.folders == ()


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"recipe": "smokey"}, GprplusError, "'smoke'"),
        ({"backbone": "resnet5"}, RecipeError, "'resnet50'"),
        ({"weights": "nowhere.pth"}, RecipeError, "no weights file"),
        ({"targets": {"market": Path("nowhere")}}, GprplusError, "nowhere"),
        ({"targets": {"self": "manifest"}}, SplitError, "cannot be called 'self'"),
        ({"roots": {"engin": Path()}}, SplitError, "'engine'"),
        ({"roots": {"engine": Path("moved")}}, TrainingError, "are missing"),
        ({"steps": 3, "epochs": 1.0}, RecipeError, "not both"),
    ],
)
def test_what_cannot_be_is_one_sentence_before_any_training(work, options, error, sentence):
    if "targets" in options:
        options = {"targets": {name: work / path for name, path in options["targets"].items()}}
    with pytest.raises(error, match=sentence):
        ask(work, "never", **options)
    assert not (work / "never").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_gpu_that_is_not_there_is_one_sentence(work):
    with pytest.raises(DeviceError, match="no CUDA device"):
        ask(work, "never", device="cuda")


def test_no_split_says_how_to_make_one(tmp_path):
    with pytest.raises(SplitError, match="make-split"):
        benchmark([], tmp_path / "runs")


def test_the_command_prints_table_verdict_and_report(work, done):
    typed = [
        "benchmark",
        "--work",
        str(work),
        str(work / "splits" / "weather"),
        "--recipe",
        str(work / "tiny.toml"),
    ]
    shown = CliRunner().invoke(cli, [*typed, "--device", "cpu"], catch_exceptions=False)
    assert shown.exit_code == 0
    assert "only-foggy" in shown.output
    assert "report.html" in shown.output
    machine = CliRunner().invoke(cli, [*typed, "--device", "cpu", "--json"], catch_exceptions=False)
    assert len(json.loads(machine.stdout)["summary"]) == 5
    dry = CliRunner().invoke(cli, [*typed, "--dry-run", "--json"], catch_exceptions=False)
    assert json.loads(dry.stdout)["plan"]["kept"] == 5


def test_levels_are_scored_by_themselves_and_the_verdict_gives_three_estimands(work):
    make_split(work / "manifest", "weather", output=work / "splits" / "levels")
    typed = [
        "--recipe",
        str(work / "tiny.toml"),
        "--device",
        "cpu",
        "--seeds",
        "2",
        "--estimand",
        "transfer",
    ]
    typed = ["benchmark", "--work", str(work), str(work / "splits" / "levels"), *typed]
    shown = CliRunner().invoke(cli, typed, catch_exceptions=False).output
    assert (
        shown.index("Transfer (query")
        < shown.index("Own level (query")
        < shown.index("Mixed gallery (2 weathers")
    )
    folder = work / "runs" / "levels" / "tiny"
    known = pq.read_table(folder / "levels.parquet").to_pylist()
    cells = {(row["arm"], row["level"]) for row in known if row["metric"] == "mAP"}
    assert ("only-foggy", "sunny") in cells
    assert len(cells) == 2 * 5
    assert {
        row["trained_on"] for row in known if row["arm"] == "only-foggy" and row["level"] == "sunny"
    } == {False}
    page = (folder / "report.html").read_text()
    assert "Each arm on each level by itself" in page
    machine = json.loads(CliRunner().invoke(cli, [*typed, "--json"], catch_exceptions=False).stdout)
    assert {row["target"] for row in machine["summary"]} == {"self"}
    assert len(machine["levels"]) == len(known)


def test_the_widest_difference_is_trained_again_with_other_learning_rates(work):
    make_split(
        work / "manifest",
        "weather",
        output=work / "splits" / "again",
        deals=1,
        cross_level_tests=False,
    )
    found = ask(
        work, "sensitivity", splits=work / "splits" / "again", seeds=2, steps=3, sensitivity=True
    )
    (table,) = found.sensitivity
    rows = [row for row in table.to_pylist() if row["metric"] == "mAP"]
    assert [row["variant"] for row in rows] == [
        "half the learning rate",
        "double the learning rate",
    ]
    folder = found.folders[0] / "sensitivity"
    arms = {row["arm"] for row in rows} | {"mix"}
    for variant, factor in (("half-rate", 0.5), ("double-rate", 2)):
        assert {path.name for path in (folder / variant).iterdir() if path.is_dir()} == arms
        record = json.loads((folder / variant / "mix" / "seed1" / "run.json").read_text())
        base = json.loads((found.folders[0] / "mix" / "seed1" / "run.json").read_text())
        assert record["config"]["optimizer"]["lr"] == base["config"]["optimizer"]["lr"] * factor
        assert record["train_digest"] == base["train_digest"]
    again = ask(
        work, "sensitivity", splits=work / "splits" / "again", seeds=2, steps=3, sensitivity=True
    )
    assert again.sensitivity[0].equals(table)
    assert "Sensitivity" in found.reports[0].read_text()


def test_a_target_needs_a_name_and_a_path(work):
    shown = CliRunner().invoke(cli, ["benchmark", "--target", "market"])
    assert shown.exit_code == 2
    assert "NAME=PATH" in shown.output


def test_images_exchanged_between_split_and_first_run_are_refused_and_force_trains_on_them_with_a_word(
    work, tmp_path
):
    for part in ("renders", "manifest", "splits"):
        shutil.copytree(work / part, tmp_path / part)
    (tmp_path / "tiny.toml").write_text(small_recipe(3))
    for sunny in (tmp_path / "renders").rglob("*_w01_*.jpg"):
        foggy = sunny.with_name(sunny.name.replace("_w01_", "_w04_"))
        aside = sunny.rename(tmp_path / "aside")
        foggy.rename(sunny)
        aside.rename(foggy)
    for way in ({}, {"dry_run": True}):
        with pytest.raises(
            TrainingError,
            match=r"96 of 96 images have changed since .* Build manifest and split again",
        ):
            ask(tmp_path, **way)
    assert not (tmp_path / "runs" / "weather").exists()
    assert "96 of 96 images have changed" in ask(tmp_path, force=True).plan.warnings[0]


def test_a_target_whose_files_changed_since_its_manifest_is_refused(work, draw, done, tmp_path):
    draw(tmp_path / "street", people=4, views=3, name="street")
    build_manifest([tmp_path / "street"], tmp_path / "manifest")
    next((tmp_path / "street").rglob("*.jpg")).write_bytes(b"another")
    with pytest.raises(TrainingError, match="1 of 72 images have changed"):
        ask(work, targets={"street": tmp_path / "manifest"})


def test_weights_that_fill_half_of_the_network_are_told_everywhere(work, done, tmp_path):
    state = torch_load(done.folders[0] / "mix" / "seed0" / "model.safetensors")
    names = [
        name
        for name in state
        if name.startswith("backbone.") and not name.endswith("num_batches_tracked")
    ]
    path = tmp_path / "half.safetensors"
    save_file({name: state[name] for name in names[: -(-len(names) // 2)]}, path)
    with pytest.raises(RecipeError, match=r"18 of 37 tensors .*--partial-weights"):
        ask(work, "half", weights=str(path), steps=1)
    outcome = ask(work, "half", weights=str(path), partial_weights=True, steps=1)
    said = "18 of 37 tensors of the network are not in it and start fresh ("
    assert said in outcome.plan.warnings[0]
    folder = outcome.folders[0]
    assert said in json.loads((folder / "benchmark.json").read_text())["weights_note"]
    assert f"starting from {path} weights: {said}" in (folder / "results.md").read_text()
    assert said in (folder / "report.html").read_text()
    first = json.loads((folder / "mix" / "seed0" / "run.json").read_text())["initial_weights"]
    assert first["source"] == str(path)
    assert (first["file"], len(first["sha256"])) == ("half.safetensors", 64)
    assert (first["tensors"], first["filled"], len(first["fresh"])) == (37, 19, 18)
    assert ask(work).plan.warnings == ()


def test_every_run_records_its_initial_weights(done):
    """Also the untrained one."""
    (folder,) = done.folders
    records = [json.loads(path.read_text()) for path in folder.glob("*/seed*/run.json")]
    assert len(records) >= 4
    expected = {"source": "none", "tensors": 37, "filled": 0}
    assert [record["initial_weights"] for record in records] == [expected] * len(records)


def trained_counts(work, seen, steps):
    """The counts of training and scoring, of four arms trained for so many steps; those and the
    untrained floor are scored."""
    test = Split.open(work / "splits" / "weather").record.test
    scoring = round(test.queries / 18 + test.gallery / 18)  # 3 x 6 images a step
    total = 4 * steps + 5 * scoring
    counts = [done for done, of in seen if of == total]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, total)
    return counts


def test_progress_counts_steps_over_all_runs_and_scoring_as_steps(work, monkeypatch):
    monkeypatch.setattr(run_reports, "SECONDS_BETWEEN_REPORTS", 0.0)
    seen = []
    options = {"steps": 40, "progress": lambda done, total: seen.append((done, total))}
    ask(work, "counted", **options)
    counts = trained_counts(work, seen, 40)
    assert len(set(counts)) > 4 * 40, "each step is reported"
    total = max(of for _, of in seen)
    seen.clear()
    ask(work, "counted", **options)
    assert [one for one in seen if one[1] == total] == [], "what is done is not counted again"


def test_progress_of_two_processes_counts_the_same(work, parallel):
    trained_counts(work, parallel[1], 3)
