"""The public functions take what people write: paths as text or Path, one or several, and NumPy's
numbers."""

import numpy as np
import pytest
from recipes import small_recipe

import gprplus
from gprplus.core.errors import GprplusError, TrainingError


@pytest.fixture(scope="module")
def made(draw, tmp_path_factory):
    """A folder with renders, manifest and split, all made with paths as text, and a recipe of one
    step."""
    folder = tmp_path_factory.mktemp("public")
    renders = str(draw(folder / "renders" / "engine", people=8, views=3, weathers=("01", "04")))
    gprplus.build_manifest(renders, str(folder / "manifest"), workers=1)
    gprplus.make_split(
        str(folder / "manifest"), "weather", output=str(folder / "split"), levels="sunny,foggy"
    )
    (folder / "one.toml").write_text(small_recipe(1))
    return folder


def benchmark(made, splits, output, **options):
    """Benchmark with the recipe of one step."""
    return gprplus.benchmark(
        splits, output, recipe=str(made / "one.toml"), device="cpu", jobs=1, **options
    )


def test_paths_as_text_work_from_renders_to_report(made):
    split = str(made / "split")
    targets, roots = (
        {"street": str(made / "renders" / "engine")},
        {"engine": str(made / "renders" / "engine")},
    )
    with pytest.raises(
        GprplusError, match="street"
    ):  # the same people on both sides, found by opening the target
        benchmark(made, [split], str(made / "refused" / "runs"), targets=targets)
    done = benchmark(
        made, split, str(made / "one" / "runs"), roots=roots, seeds=np.int64(1), steps=np.int32(1)
    )
    assert done.folders == (made / "one" / "runs" / "split" / "one",)
    assert (
        benchmark(made, [made / "split"], made / "one" / "runs", steps=1).plan.kept
        == done.plan.trained
    )
    written = gprplus.report(str(done.folders[0]), str(made / "reports"))
    assert made / "reports" / "report.html" in written
    assert gprplus.inspect(str(made / "manifest"))
    assert gprplus.export(split, "market1501", str(made / "export"), arm="mix", roots=roots).made


def test_an_analysis_takes_text(made):
    target = {"other": str(made / "renders" / "engine")}
    options = {
        "attributes": "weather",
        "features": "histograms",
        "images": 8,
        "people": 4,
        "workers": 1,
    }
    found = gprplus.analyze(
        str(made / "manifest"), target, output=str(made / "analysis"), **options
    )
    assert len(found) == 1
    page = (found[0].path / "analysis.html").read_text()
    again = page.split("gprplus analyze --manifest ")[1]
    assert "--attr weather --images 8 " in again


def test_rendering_takes_text(tmp_path):
    design = {
        "identities": np.int64(2),
        "viewpoints": 1,
        "weathers": "sunny",
        "illuminations": "noon",
        "workers": 1,
    }
    assert gprplus.render(str(tmp_path / "r"), size=(32, 64), **design) == tmp_path / "r"


def test_a_study_takes_text(made, tmp_path):
    study = tmp_path / "mine.toml"
    study.write_text('[study]\nname = "mine"\nquestion = "Which?"\n[[splits]]\nattr = "weather"\n')
    options = {
        "manifest": str(made / "manifest"),
        "recipe": str(made / "one.toml"),
        "dry_run": True,
        "device": "cpu",
    }
    assert gprplus.study(str(study), work=str(tmp_path), **options).outcome.plan.trained


def test_numbers_that_cannot_be_are_one_sentence(made):
    for options in ({"seeds": 0}, {"seeds": 10**9}, {"steps": 0}):
        with pytest.raises(
            TrainingError, match=r"(seeds|steps) must be at (least 1|most 1,000); found"
        ):
            benchmark(made, made / "split", made / "none" / "runs", **options)
    with pytest.raises(TrainingError, match="jobs must be at least 1; found -1"):
        gprplus.benchmark(made / "split", made / "none" / "runs", device="cpu", jobs=-1)


def test_objects_are_taken_where_paths_are(made):
    manifest, split = gprplus.Manifest.open(made / "manifest"), gprplus.Split.open(made / "split")
    same = gprplus.make_split(manifest, "weather", output=made / "split", levels="sunny,foggy")
    assert (same.path, same.made) == (split.path, False)
    assert gprplus.inspect(manifest).counts == manifest.record.counts
    assert benchmark(made, [split], made / "objects" / "runs", seeds=1, dry_run=True).plan.trained
    assert gprplus.export(split, "imagefolder", made / "of-split", arm="mix").made
    assert gprplus.export(manifest, "parquet", made / "of-manifest").made


def test_outputs_default_to_the_places_of_the_command_line(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPRPLUS_WORK", "lab")
    design = {
        "viewpoints": 1,
        "weathers": "sunny,foggy",
        "illuminations": "noon",
        "size": (32, 64),
        "workers": 1,
    }
    renders = gprplus.render(identities=2, **design)
    manifest = gprplus.build_manifest(workers=1)
    split = gprplus.make_split(made / "manifest", ["weather"], levels="sunny,foggy")
    runs = gprplus.benchmark(split, recipe=str(made / "one.toml"), device="cpu", jobs=1, seeds=1)
    exported = gprplus.export(split, "imagefolder", arm="mix")
    assert [
        str(path) for path in (renders, manifest.path, split.path, *runs.folders, exported.path)
    ] == [
        "lab/renders/engine",
        "lab/manifest",
        "lab/splits/weather",
        "lab/runs/weather/one",
        "lab/exports/imagefolder/weather-mix",
    ]
