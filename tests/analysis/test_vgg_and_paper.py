"""VGG-19 losses on weights made by hand or by chance (the published ones are not needed to check
formulas), the cut rules, and the reason why paper mode warns.
"""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from gprplus.analysis import AnalysisResult
from gprplus.analysis.features import make_features, vgg
from gprplus.analysis.matched_sample import CrossedSample
from gprplus.analysis.paper import measure, settings, vgg_losses
from gprplus.baseline.network.wheel_weights import sha256_of_file
from gprplus.cli import cli
from gprplus.core.errors import AnalysisError, GprplusError
from gprplus.ingest import build_manifest


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of VGG-19 weights under torchvision's names, by chance, scaled so that maps stay
    alive."""
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    torch.manual_seed(0)
    network = vgg.VGG19()
    for layer in network.features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
            torch.nn.init.normal_(layer.bias, std=0.1)
    save_file(network.state_dict(), path)
    return path


def test_names_and_shapes_are_torchvisions():
    state = vgg.VGG19().state_dict()
    assert len(state) == 32
    assert tuple(state["features.0.weight"].shape) == (64, 3, 3, 3)
    assert tuple(state["features.34.weight"].shape) == (512, 512, 3, 3)
    assert (
        sum(value.numel() for value in state.values()) == 20_024_384
    )  # torchvision's vgg19().features


def test_layers_are_where_they_should_be():
    network = vgg.VGG19()
    maps = network.maps(torch.zeros(1, 3, 64, 32), ["conv1_1", "conv4_2", "conv5_1"])
    shapes = {name: tuple(value.shape) for name, value in maps.items()}
    assert shapes == {
        "conv1_1": (1, 64, 64, 32),
        "conv4_2": (1, 512, 8, 4),
        "conv5_1": (1, 512, 4, 2),
    }
    assert all(
        isinstance(network.features[place], torch.nn.Conv2d)
        for place in vgg.build_layers().values()
    )


def test_content_and_style_by_hand():
    # Two channels on two places. F = [[1, 2], [0, 1]], P = 0. Content: (1 + 4 + 0 + 1) / 2 = 3. G =
    # F F' = [[5, 2], [2, 1]]: sum of squares 25 + 4 + 4 + 1 = 34; style: 34 w / (4 * 2^2 * 2^2) =
    # 34 w / 64.
    maps = torch.tensor([[[[1.0, 2.0]], [[0.0, 1.0]]]])
    assert vgg.gram(maps)[0].tolist() == [[5.0, 2.0], [2.0, 1.0]]
    assert float(vgg.content(maps).square().sum()) == pytest.approx(3.0)
    assert float(vgg.style({"one": maps}, 0.5).square().sum()) == pytest.approx(34 / 64 * 0.5)


def test_the_vectors_give_the_double_sums_of_the_paper():
    one, two = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).chunk(2)
    distance = float((vgg.content(one) - vgg.content(two)).square().sum())
    assert distance == pytest.approx(0.5 * float(((one - two) ** 2).sum()), rel=1e-5)
    g, a = vgg.gram(one)[0], vgg.gram(two)[0]
    slow = sum(float((g[i, j] - a[i, j]) ** 2) for i in range(3) for j in range(3)) / (
        4 * 3**2 * 20**2
    )
    fast = float((vgg.style({"l": one}, 1.0) - vgg.style({"l": two}, 1.0)).square().sum())
    assert fast == pytest.approx(slow, rel=1e-5)


def test_sums_give_the_mean_over_pairs_of_different_persons():
    rng = np.random.default_rng(0)
    vectors, people = rng.normal(size=(9, 4)), np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    levels = np.array([0, 0, 1, 0, 1, 0, 1, 1, 0])
    sums = vgg_losses.WithinLevelDistance(2)
    for person in range(3):
        for i in np.flatnonzero(people == person):
            sums.add(levels[i], torch.from_numpy(vectors[i]))
        sums.close()
    for level, found in enumerate(sums.mean()):
        mine = np.flatnonzero(levels == level)
        slow = [
            ((vectors[i] - vectors[j]) ** 2).sum()
            for i in mine
            for j in mine
            if people[i] != people[j]
        ]
        assert found == pytest.approx(np.mean(slow))


def test_weights_are_loaded_by_name_or_refused(weights, tmp_path):
    network = vgg.load_vgg19(weights, "cpu")
    assert network.features[0].weight.abs().sum() > 0
    torch.save(network.state_dict(), tmp_path / "vgg19.pth")
    assert torch.equal(
        vgg.load_vgg19(tmp_path / "vgg19.pth", "cpu").features[34].weight,
        network.features[34].weight,
    )
    state = {
        name: value for name, value in network.state_dict().items() if name != "features.34.weight"
    }
    save_file(state, tmp_path / "less.safetensors")
    with pytest.raises(
        AnalysisError, match=r"is not VGG-19: .*features.34.weight.*--features histograms"
    ):
        vgg.load_vgg19(tmp_path / "less.safetensors", "cpu")
    with pytest.raises(AnalysisError, match=r"VGG-19 has no weights here: .*reid:RUN, or a file"):
        vgg.load_vgg19(tmp_path / "nothing.pth", "cpu")


def test_weights_come_from_the_cache_of_torch_hub_and_a_wrong_file_is_refused(
    tmp_path, monkeypatch
):
    # No network: the cache's folder is moved, and a server that is not there is asked for what it
    # lacks.
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(vgg, "URL", "http://127.0.0.1:9/vgg19-dcbb9e9d.pth")
    with pytest.raises(
        AnalysisError, match=rf"Put the file into {tmp_path}/checkpoints by hand\. Or compare"
    ):
        vgg.load_vgg19(None, "cpu")
    (tmp_path / "checkpoints").mkdir(exist_ok=True)
    path = tmp_path / "checkpoints" / "vgg19-dcbb9e9d.pth"
    torch.save(vgg.VGG19().state_dict(), path)
    with pytest.raises(AnalysisError, match="not the published file: expected a SHA-256 of dcbb"):
        vgg.load_vgg19(None, "cpu")
    name = f"vgg19-{sha256_of_file(path)[:8]}.pth"
    path.rename(path.with_name(name))
    monkeypatch.setattr(vgg, "URL", f"http://127.0.0.1:9/{name}")
    assert isinstance(vgg.load_vgg19(None, "cpu"), vgg.VGG19)


def test_vgg_features_are_one_kind_among_others(weights):
    (kind,) = make_features([f"vgg19:{weights}"], "cpu")
    assert kind.name == "vgg19"
    assert kind.source.startswith("vgg19:")
    assert "kid" in kind.measures


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["histogram"], "Did you mean 'histograms'"),
        (["reid"], "reid needs a path"),
        (["nowhere.npy"], r"no file of features at nowhere\.npy\. Name the one that"),
        (["reid:nowhere"], "run.json"),
        (["histograms", "histograms"], "names histograms twice"),
    ],
)
def test_what_features_cannot_be_is_said(asked, sentence):
    with pytest.raises(GprplusError, match=sentence):
        make_features(asked, "cpu")


def test_cut_rules_by_hand():
    totals = np.array(
        [1.0, 2.0, 3.0, 10.0]
    )  # mean 4, median 2.5, widest gap 3 to 10, deviation 3.54
    kept = {name: np.flatnonzero(rule(totals)).tolist() for name, rule in measure.RULES.items()}
    assert kept == {"mean": [0, 1, 2], "median": [0, 1], "gap": [0, 1, 2], "mean-half-sd": [0, 1]}


def test_pairs_are_drawn_by_hash_whatever_the_order():
    source, target = np.arange(5, dtype=np.uint64), np.arange(100, 110, dtype=np.uint64)
    drawn = target[measure.draw_pairs(source, target, 4, 0)]
    again = target[::-1][measure.draw_pairs(source, target[::-1], 4, 0)]
    assert [set(row) for row in drawn.tolist()] == [set(row) for row in again.tolist()]
    assert len({tuple(row) for row in drawn.tolist()}) > 1


def test_unknown_settings_and_layers_are_refused():
    with pytest.raises(AnalysisError, match="no layer 'conv9_9'"):
        settings.PaperSettings(content_layer="conv9_9")
    with pytest.raises(GprplusError, match="Did you mean 'rule'"):
        settings.PaperSettings.of({"rul": "mean"})
    with pytest.raises(AnalysisError, match="no cut rule"):
        settings.PaperSettings(rule="guess")


def test_split_counts_follow_cardinality_and_not_effect():
    # The simulation behind paper mode's warning, smaller: the person does exactly nothing, and
    # still takes a third of all splits, more than any factor, because that column has the most
    # values.
    rng = np.random.default_rng(0)
    weather, light = rng.normal(0, 0.8, size=7), rng.normal(0, 1.2, size=7)
    table = weather[None, None, :, None] + light[None, None, None, :] + np.zeros((60, 6, 7, 7))
    table = table + rng.normal(size=table.shape)
    crossed = CrossedSample(
        np.zeros(table.shape, dtype=np.int64),
        ("viewpoint_deg", "weather", "illumination"),
        (tuple(range(6)), tuple(range(7)), tuple(range(7))),
        60,
    )
    rows, note = measure.split_counts(table, crossed, settings.PaperSettings(), rng)
    found = {row["attribute"]: row for row in rows}
    assert not note
    assert found["identity"]["share"] > 0.3
    assert found["identity"]["share"] > found["illumination"]["share"]
    assert found["identity"]["null_share"] > 0.3
    assert found["identity"]["gain_share"] < 0.15
    assert max(found, key=lambda name: found[name]["gain_share"]) == "illumination"


def test_paper_mode_from_renders_to_the_table_that_is_printed(weights, tmp_path, draw):
    build_manifest(
        [draw(tmp_path / "engine", people=5, views=2, weathers=["01", "04"])],
        tmp_path / "work" / "manifest",
    )
    draw(tmp_path / "fog", people=5, views=1, weathers=["04"], name="street")
    arguments = [
        "analyze",
        "--work",
        str(tmp_path / "work"),
        "--target",
        f"fog={tmp_path / 'fog'}",
        "--device",
        "cpu",
    ]
    arguments += ["--mode", "paper", "--features", f"vgg19:{weights}", "--attr", "weather"]
    for setting in ("height=32", "width=32", "targets=12", "pairs=4", "trees=20"):
        arguments += ["--set", setting]
    shown = CliRunner().invoke(cli, arguments)
    assert shown.exit_code == 0, shown.output
    assert "rule mean (used) keeps" in shown.output
    assert shown.output.count("Known bias") == 2
    assert "content_layer conv4_2" in shown.output
    assert "better training set" not in shown.output
    found = AnalysisResult.open(tmp_path / "work" / "analysis" / "fog")
    rows = {row["value"]: row for row in found.tables["losses"].to_pylist()}
    assert set(found.info["kept"]["weather"]) == {name for name, row in rows.items() if row["kept"]}
    settings = found.info["settings"]
    for row in rows.values():
        assert row["total"] == pytest.approx(
            settings["alpha"] * row["style"] + settings["beta"] * row["content"]
        )
        assert row["low"] <= row["total"] <= row["high"]
        assert row["content_debiased"] < row["content"]
    assert {row["attribute"] for row in found.tables["counts"].to_pylist()} == {
        "identity",
        "viewpoint_deg",
        "weather",
        "illumination",
    }
    assert (found.path / "weather.png").read_bytes()[:4] == b"\x89PNG"
    assert (found.path / "losses.md").read_text().startswith("# losses")
    page = (found.path / "analysis.html").read_text()
    assert f"The cut rule keeps {' and '.join(found.info['kept']['weather'])}." in page
    assert "Known bias" in page


def test_sound_mode_with_vgg_has_debiased_content_and_style_as_well(weights, tmp_path, draw):
    build_manifest(
        [draw(tmp_path / "engine", people=5, views=1, weathers=["01", "04"], lights=["03"])],
        tmp_path / "manifest",
    )
    fog = draw(tmp_path / "fog", people=5, views=1, weathers=["04"], lights=["03"], name="street")
    arguments = [
        "analyze",
        "--manifest",
        str(tmp_path / "manifest"),
        "--target",
        f"fog={fog}",
        "--device",
        "cpu",
    ]
    arguments += [
        "--features",
        f"vgg19:{weights}",
        "--attr",
        "weather",
        "--images",
        "10",
        "-o",
        str(tmp_path / "out"),
    ]
    shown = CliRunner().invoke(
        cli, [*arguments, "--set", "height=32", "--set", "width=32", "--set", "targets=10"]
    )
    assert shown.exit_code == 0, shown.output
    assert "VGG-19 content and style, debiased" in shown.output
    found = AnalysisResult.open(tmp_path / "out" / "fog")
    rows = {row["value"]: row for row in found.tables["losses"].to_pylist()}
    assert rows["foggy"]["style_debiased"] < rows["sunny"]["style_debiased"]
    assert rows["foggy"]["kept"] is None
    assert {"energy", "kid"} <= {row["measure"] for row in found.distances.to_pylist()}
