"""`embed`: features of a finished run's network, named by uid and path, which `score` reads."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from finished_run import finished_run

import gprplus as gpr
from gprplus.baseline.decode import decode_resized
from gprplus.baseline.network.embedding import embed_images
from gprplus.baseline.network.model import read_model
from gprplus.baseline.recipe import Recipe
from gprplus.cli import cli
from gprplus.core.errors import AnalysisError, LayoutError, RequestChanged


@pytest.fixture(scope="module")
def work(tmp_path_factory, draw):
    folder = tmp_path_factory.mktemp("embed")
    draw(folder / "renders" / "engine", people=8, views=2, weathers=("01", "04"))
    gpr.build_manifest([folder / "renders" / "engine"], folder / "manifest", workers=1)
    gpr.make_split(folder / "manifest", "weather", output=folder / "split", test_share=0.5)
    finished_run(folder / "runs" / "mix" / "seed0")
    return folder


def by_hand(work, paths):
    """The features of images, one forward pass."""
    run = work / "runs" / "mix" / "seed0"
    recipe = Recipe.read(run / "small.toml")
    network = read_model(run / "model.safetensors", recipe.network, "cpu")
    files = [work / "renders" / "engine" / path for path in paths]
    pixels = np.stack([decode_resized(file.read_bytes(), 32, 16) for file in files])
    return embed_images(network, pixels, recipe.compute, "cpu").numpy()


def test_features_of_a_split_are_those_of_its_test_images_and_can_be_scored(work):
    found = gpr.embed(work / "runs" / "mix" / "seed0", work / "split", work=work)
    assert found.made
    assert found.path == work / "features" / "split-mix-seed0.parquet"
    table, test = pq.read_table(found.path), gpr.Split.open(work / "split").test()
    assert table.column_names == ["uid", "dataset", "path", "feature"]
    assert table.column("uid").to_pylist() == test.column("uid").to_pylist()
    features = np.array(table.column("feature").to_pylist())
    assert np.allclose(features, by_hand(work, table.column("path").to_pylist()), atol=1e-6)
    assert gpr.score(work / "split", found.path).mAP == gpr.score(work / "split", features).mAP
    again = gpr.embed(work / "runs" / "mix" / "seed0", work / "split", work=work)
    assert not again.made
    assert again.info["images"] == len(test)


def test_images_of_a_manifest_are_picked_by_where_and_read_in_groups(work, monkeypatch):
    monkeypatch.setattr("gprplus.analysis.write_features._TOGETHER", 5)
    counts: list[tuple[int, int]] = []
    found = gpr.embed(
        work / "runs" / "mix" / "seed0" / "model.safetensors",
        work / "manifest",
        work / "foggy.parquet",
        where="weather == foggy",
        progress=lambda *count: counts.append(count),
    )
    table = pq.read_table(found.path)
    assert set(counts) >= {(0, 32), (5, 32), (32, 32)}
    assert counts == sorted(counts)
    assert len(table) == found.info["images"] == 32
    features = np.array(table.column("feature").to_pylist())
    assert np.allclose(features, by_hand(work, table.column("path").to_pylist()), atol=1e-6)
    with pytest.raises(RequestChanged, match=r"foggy\.parquet holds something else"):
        gpr.embed("histograms", work / "manifest", found.path)
    replaced = gpr.embed("histograms", work / "manifest", found.path, force=True)
    assert replaced.info["dimensions"] == 13


def test_a_folder_without_a_layout_is_named_by_path(work, tmp_path):
    source = next((work / "renders" / "engine").rglob("*.jpg"))
    (tmp_path / "any" / "name").mkdir(parents=True)
    for name in ("holiday.jpg", "name/b.jpg"):
        shutil.copy(source, tmp_path / "any" / name)
    run = str(work / "runs" / "mix" / "seed0")
    command = ["embed", run, str(tmp_path / "any"), "--json", "--work", str(tmp_path / "w")]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    info = json.loads(done.stdout)
    assert (info["named_by"], info["images"], info["dimensions"]) == ("path", 2, 128)
    assert pq.read_table(info["path"]).column("path").to_pylist() == ["holiday.jpg", "name/b.jpg"]


def test_wrong_input_is_one_sentence(work, tmp_path):
    run = work / "runs" / "mix" / "seed0"
    for arguments, options, sentence in (
        ((tmp_path / "nothing", work / "split"), {}, "There is no run at"),
        (("imagenett", work / "split"), {}, "Did you mean 'imagenet'"),
        ((run, work / "split"), {"where": "weather == foggy"}, "is a split; --where"),
        ((run, work / "manifest"), {"arm": "mix"}, "is no split; --arm"),
        ((run, work / "manifest"), {"where": "viewpoint_deg > 900"}, "no image to embed"),
    ):
        with pytest.raises(AnalysisError, match=sentence):
            gpr.embed(*arguments, tmp_path / "x.parquet", work=tmp_path, **options)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError):
        gpr.embed(run, tmp_path / "empty", work=tmp_path)
    assert not (tmp_path / "x.parquet").exists()
