"""`export --to onnx`: the network of a run, with its preprocessing, for any batch."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from finished_run import finished_run

import gprplus as gpr
from gprplus.baseline.network.embedding import embed_images
from gprplus.baseline.network.finished import read_finished_network
from gprplus.cli import cli
from gprplus.core.errors import ExportError
from gprplus.exports import onnx_model


@pytest.mark.slow
def test_a_network_gives_the_features_of_torch_in_any_batch(tmp_path, monkeypatch):
    run = finished_run(tmp_path / "seed0")
    command = ["export", str(run), "--to", "onnx", "-o", str(tmp_path / "onnx"), "--json"]
    info = json.loads(CliRunner().invoke(cli, command, catch_exceptions=False).stdout)
    path = tmp_path / "onnx" / "model.onnx"
    network = read_finished_network(run, "cpu", ExportError)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 3, 64):
        images = np.random.default_rng(count).integers(0, 256, (count, 32, 16, 3), dtype=np.uint8)
        features = session.run(None, {"images": images})[0]
        expected = embed_images(network.model, images, network.compute, "cpu").numpy()
        assert np.abs(features - expected).max() < 1e-5
        assert np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    known = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert (known["height"], known["width"]) == ("32", "16")
    assert known["network"] == info["onnx"]["network"] == f"reid:{network.digest()}"
    assert not gpr.export(run, "onnx", tmp_path / "onnx").made

    monkeypatch.setattr(onnx_model, "TOLERANCE", -1.0)
    monkeypatch.setattr(onnx_model, "_exported", lambda _: onnx.load(path))
    with pytest.raises(ExportError, match="differs from torch"):
        gpr.export(run, "onnx", tmp_path / "other")
    assert not (tmp_path / "other" / "model.onnx").exists()


def test_a_folder_without_a_network_is_one_sentence(tmp_path):
    with pytest.raises(ExportError, match="is no finished run"):
        gpr.export(tmp_path, "onnx", tmp_path / "onnx")
