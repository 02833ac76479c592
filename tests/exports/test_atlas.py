"""The file for viewers of features: coordinates, neighbours and thumbnails are those of the images."""

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gprplus.analysis.principal_plane import project_to_plane
from gprplus.core.errors import ExportError, ScoreError
from gprplus.exports import export
from gprplus.exports.forms.atlas import nearest_neighbours
from gprplus.ingest import Manifest


def test_neighbours_are_the_nearest_others_as_all_pairs_show(monkeypatch):
    monkeypatch.setattr("gprplus.exports.forms.atlas._BLOCK", 7)
    features = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    found = nearest_neighbours(unit).to_pylist()
    for row, one in enumerate(found):
        distances = sorted((1 - unit[row] @ unit[i], i) for i in range(30) if i != row)[:10]
        assert one["ids"] == [i for _, i in distances]
        assert one["distances"] == pytest.approx([d for d, _ in distances], abs=1e-6)


def test_a_plane_in_space_is_found_whatever_its_axes():
    plane = np.random.default_rng(0).normal(size=(40, 2)) * [3, 1]
    turned = plane @ np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0][:2]
    places, shares = project_to_plane(turned)
    apart = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    assert np.linalg.norm(places[:, None] - places[None], axis=2) == pytest.approx(apart)
    assert shares.sum() == pytest.approx(1)


def test_every_image_has_its_row(house, tmp_path):
    table = Manifest.open(house / "manifest").images(["uid", "path"])
    features = np.random.default_rng(0).normal(size=(len(table), 8))
    uids = table.column("uid").to_numpy()
    np.savez(tmp_path / "f.npz", features=features, uids=uids)
    made = export(house / "manifest", "atlas", tmp_path / "out", features=tmp_path / "f.npz")
    found = pq.read_table(made.path / "atlas.parquet").to_pylist()
    assert sorted(int(row["uid"]) for row in found) == sorted(uids.tolist())
    row = found[5]
    with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
        assert image.size == (48, 96)
    place = {int(uid): i for i, uid in enumerate(uids)}
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    mine, other = (unit[place[int(found[i]["uid"])]] for i in (5, row["neighbors"]["ids"][0]))
    assert row["neighbors"]["distances"][0] == pytest.approx(1 - mine @ other, abs=1e-5)
    assert {"weather", "identity", "x", "y"} <= set(row)
    assert not export(
        house / "manifest", "atlas", tmp_path / "out", features=tmp_path / "f.npz"
    ).made


def test_features_are_needed_and_belong_to_the_images(house, tmp_path):
    with pytest.raises(ExportError, match="needs --features"):
        export(house / "manifest", "atlas", tmp_path / "out")
    with pytest.raises(ExportError, match="--features is for --to atlas"):
        export(house / "manifest", "parquet", tmp_path / "out", features=tmp_path / "f.npz")
    np.savez(tmp_path / "f.npz", features=np.ones((1, 2)), uids=[1])
    with pytest.raises(ScoreError, match="lacks the features"):
        export(house / "manifest", "atlas", tmp_path / "out", features=tmp_path / "f.npz")
