"""Recipes that say what they must, and weights that are tensors alone."""

import hashlib
import io
import json
import pickle
import re
import struct
from functools import cache

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from gprplus.baseline.network import pretrained
from gprplus.baseline.network.backbones import BACKBONES
from gprplus.baseline.network.model import build_model, read_model, save_model
from gprplus.baseline.recipe import BOUNDS, NetworkSettings, Recipe
from gprplus.core import declarations
from gprplus.core.errors import DeclarationError, GprplusError, RecipeError, TrainingError
from gprplus.core.typed import as_json
from gprplus.schema.run_record import InitialWeights


@pytest.mark.parametrize("name", declarations.declaration_names("recipes"))
def test_every_shipped_recipe_reads(name):
    recipe = Recipe.read(name)
    assert recipe.name == name
    assert recipe.network.backbone in BACKBONES
    assert recipe.resolved()["batch"]["identities"] >= 2


def test_the_four_recipes_are_there():
    assert {"smoke", "fast", "paper", "bot"} <= set(declarations.declaration_names("recipes"))
    assert Recipe.read("paper").length.epochs > 0, "the paper's subsets took fewer steps"


def test_fast_trains_every_arm_of_a_split_alike_and_paper_does_not():
    arms = [58_800, 470_400]
    fast, paper = Recipe.read("fast").for_arms(arms), Recipe.read("paper").for_arms(arms)
    assert fast.steps(58_800) == fast.steps(470_400) == 20_671, (
        "20 x 264,600 images are 20,671.9 steps of 256"
    )
    assert paper.steps(470_400) == 8 * paper.steps(58_800)
    assert Recipe.read("fast").for_arms([600, 700]).steps(600) == 1500, (
        "a small split still gets enough steps"
    )


def test_fast_sees_twenty_epochs_of_the_paper_s_ten_training_sets_and_not_more():
    studies = [
        declarations.load_declaration("studies", f"icassp2021_{target}").data
        for target in ("market", "duke")
    ]
    rows = [arm for study in studies for arm in study["splits"][0]["arms"]]
    sets = {
        str([arm["identities"], arm["images"], arm.get("restrict")]): arm["images"] for arm in rows
    }
    assert (len(rows), len(sets), sum(sets.values())) == (14, 10, 1_762_800)
    fast = Recipe.read("fast").for_arms(list(sets.values()))
    seen = 10 * fast.steps(0) * fast.batch.size
    assert 0.999 * 20 * 1_762_800 < seen <= 20 * 1_762_800
    assert seen == 35_253_760, (
        "59 minutes at 10,000 a second, of the one seed that the studies declare"
    )
    assert [study["seeds"] for study in studies] == [1, 1]


def test_your_own_recipe_is_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine"\nseeds = 1\n[length]\nsteps = 5\n')
    assert Recipe.read(path).name == "mine"
    path.write_text('title = "Mine"\nseeds = 1\n[length]\nstep = 5\n')
    with pytest.raises(DeclarationError, match=r"unknown key 'step'. Did you mean 'steps'"):
        Recipe.read(path)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("[length]\nsteps = 5\nepochs = 2", "only one of them"),
        ("[length]\n", "only one of them"),
        ('[length]\nsteps = 5\n[optimizer]\nname = "adamx"', "'adamw'|'adam'"),
        ("[length]\nsteps = 5\n[batch]\nimages = 1", "batch.images must be at least 2"),
    ],
)
def test_a_knob_that_cannot_be_is_named(tmp_path, body, sentence):
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "Mine"\nseeds = 1\n{body}\n')
    with pytest.raises(RecipeError, match=sentence):
        Recipe.read(path)


def test_options_change_the_recipe_and_nothing_else():
    recipe = Recipe.read("smoke")
    changed = recipe.with_options(backbone="resnet50", steps=7)
    assert changed.network.backbone == "resnet50"
    assert changed.steps(1000) == 7
    assert recipe.with_options() == recipe
    with pytest.raises(RecipeError, match="not both"):
        recipe.with_options(steps=1, epochs=1)


def load(backbone, name, weights, partial=False):
    """Fill a backbone and return the sentence about what does not fit."""
    settings = NetworkSettings(name, weights, partial_weights=partial)
    return pretrained.load_pretrained(backbone, settings).gaps()


def small(seed=0):
    return build_model(NetworkSettings("small"), 3, seed)


def test_weights_of_a_finished_run_load_whole(tmp_path):
    source, target = small(0), small(1)
    path = tmp_path / "model.safetensors"
    save_model(source, path)
    assert load(target.backbone, "small", str(path)) == ""
    assert all(
        (a == b).all()
        for a, b in zip(source.backbone.parameters(), target.backbone.parameters(), strict=True)
    )


def test_a_wrapped_checkpoint_with_another_head_loads_and_says_what_is_left(tmp_path):
    state = {f"module.{key}": value for key, value in small().backbone.state_dict().items()}
    state |= {"module.fc.weight": torch.zeros(2, 2), "module.extra.weight": torch.zeros(1)}
    state.pop("module.stages.2.bn2.bias")
    path = tmp_path / "theirs.pth"
    torch.save({"state_dict": state, "epoch": 3}, path)
    said = load(small(1).backbone, "small", str(path), partial=True)
    assert "1 of 37 tensors of the network are not in it and start fresh" in said
    assert "stages.2.bn2.bias" in said
    assert "extra.weight" in said
    assert "fc.weight" not in said


@cache
def published(network="resnet50"):
    """A backbone's tensors, no two of them alike."""
    return build_model(NetworkSettings(network), 3, 5).backbone.state_dict()


@cache
def reused(network):
    return build_model(NetworkSettings(network), 3, 6).backbone


@pytest.fixture(scope="module", autouse=True)
def _freed():
    """Free the shared networks at the end."""
    yield
    published.cache_clear()
    reused.cache_clear()


def empty(network):
    """A backbone of zeros."""
    found = reused(network)
    for value in found.state_dict().values():
        value.zero_()
    return found


def torchreid(state):
    """As torchreid saves: wrapped for several GPUs, a classifier beside, a NumPy score in the
    file."""
    tensors = {f"module.{key}": value for key, value in state.items()}
    tensors |= {
        "module.classifier.weight": torch.zeros(751, 2048),
        "module.classifier.bias": torch.zeros(751),
    }
    return {
        "state_dict": tensors,
        "epoch": 60,
        "rank1": np.float64(0.88),
        "optimizer": {"state": {}},
    }


def fastreid(state):
    """As fast-reid saves: a meta-architecture of backbone and heads, pixel statistics, an
    iteration."""
    tensors = {f"backbone.{key}": value for key, value in state.items()}
    tensors |= {"pixel_mean": torch.zeros(1, 3, 1, 1), "pixel_std": torch.ones(1, 3, 1, 1)}
    tensors |= {
        "heads.bottleneck.0.weight": torch.ones(2048),
        "heads.weight": torch.zeros(751, 2048),
    }
    return {"model": tensors, "iteration": 18_000}


def strong_baseline(state):
    """As reid-strong-baseline names it: base, bottleneck, classifier."""
    tensors = {f"base.{key}": value for key, value in state.items()}
    return tensors | {
        "bottleneck.weight": torch.ones(2048),
        "classifier.weight": torch.zeros(751, 2048),
    }


def bare(state):
    """As torchvision and timm save: the network, and ImageNet's classifier."""
    return dict(state) | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}


@pytest.mark.parametrize("form", [torchreid, fastreid, strong_baseline, bare])
@pytest.mark.parametrize("network", ["resnet50", "resnet50_ibn_a"])
def test_checkpoints_of_other_trainers_fill_the_whole_backbone(form, network, tmp_path):
    source = published(network)
    torch.save(form(source), tmp_path / "theirs.pth")
    target = empty(network)
    assert load(target, network, str(tmp_path / "theirs.pth")) == ""
    assert all(torch.equal(value, source[key]) for key, value in target.state_dict().items())


def test_plain_weights_in_an_ibn_network_say_which_parts_start_fresh(tmp_path):
    torch.save(bare(published()), tmp_path / "imagenet.pth")
    said = load(
        empty("resnet50_ibn_a"),
        "resnet50_ibn_a",
        str(tmp_path / "imagenet.pth"),
        partial=True,
    )
    assert "layer1.0.bn1.IN.weight" in said
    assert "start fresh" in said


def test_another_architecture_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"conv.weight": torch.zeros(3)}, path)
    with pytest.raises(RecipeError, match="another architecture"):
        load(small().backbone, "small", str(path))


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def test_a_checkpoint_with_code_in_it_is_not_opened(tmp_path, capsys):
    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(RecipeError, match="more than tensors"):
        load(small().backbone, "small", str(path))
    torch.save({"state_dict": Evil()}, path)
    with pytest.raises(RecipeError, match=r"requires .*print"):
        load(small().backbone, "small", str(path))
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nowhere.pth", "imagenett"])
def test_weights_that_are_not_there_are_one_sentence(name):
    with pytest.raises(RecipeError, match="no weights file"):
        load(small().backbone, "small", name)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda state: state.pop("bn.bias"),
            r"1 of 37 tensors of the network are not in it and start fresh \(bn.bias\)",
        ),
        (
            lambda state: state.update({"stages.3.conv1.weight": torch.zeros(1)}),
            r"1 of its tensors are not used \(stages.3.conv1.weight\)",
        ),
    ],
)
def test_a_file_that_fits_in_part_is_refused_unless_that_is_accepted(tmp_path, change, sentence):
    state = own_tensors()
    change(state)
    path = str(tmp_path / "part.safetensors")
    save_file(state, path)
    with pytest.raises(RecipeError, match=f"^{re.escape(path)}: {sentence}. .*--partial-weights"):
        load(small().backbone, "small", path)
    assert re.search(sentence, load(small().backbone, "small", path, partial=True))


def test_the_record_of_initial_weights_names_file_and_parts(tmp_path):
    state = own_tensors() | {"classifier.weight": torch.zeros(3, 128)}
    del state["bn.bias"]
    path = tmp_path / "part.safetensors"
    save_file(state, path)
    settings = NetworkSettings("small", str(path), partial_weights=True)
    found = pretrained.load_pretrained(small().backbone, settings)
    assert found == InitialWeights(
        str(path),
        file="part.safetensors",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        tensors=37,
        filled=36,
        fresh=["bn.bias"],
        classifier=["classifier.weight"],
    )
    none = pretrained.load_pretrained(small().backbone, NetworkSettings("small"))
    assert as_json(none) == {"source": "none", "tensors": 37, "filled": 0}


def test_published_weights_in_the_cache_of_torch_hub_must_have_their_digest(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = tmp_path / "checkpoints" / "resnet50-11ad3fa6.pth"
    path.parent.mkdir()
    path.write_bytes(b"not those")
    digest = hashlib.sha256(b"not those").hexdigest()[:8]
    with pytest.raises(
        RecipeError, match=f"expected a SHA-256 of 11ad3fa6..., found {digest}.... Remove it"
    ):
        pretrained.fetch_weights(pretrained.IMAGENET["resnet50"])
    url = f"https://example.org/resnet50-{digest}.pth"
    path.rename(path.with_name(f"resnet50-{digest}.pth"))
    assert pretrained.fetch_weights(url).read_bytes() == b"not those"


def test_a_network_without_imagenet_weights_is_refused():
    with pytest.raises(RecipeError, match="--weights none"):
        load(small().backbone, "small", "imagenet")


def test_a_saved_model_reads_back_and_another_network_does_not(tmp_path):
    model, path = small().eval(), tmp_path / "model.safetensors"
    save_model(model, path)
    images = torch.randn(2, 3, 32, 16)
    assert torch.equal(
        read_model(path, NetworkSettings("small"), "cpu").embed(images), model.embed(images)
    )
    with pytest.raises(TrainingError, match="not a trained resnet50"):
        read_model(path, NetworkSettings("resnet50"), "cpu")


def own_tensors():
    """The 37 tensors of the network small, and its seven counters of batches, as safetensors takes
    them."""
    return {key: value.contiguous() for key, value in small().backbone.state_dict().items()}


def safetensors(header, data=b"", length=None):
    """The bytes of a safetensors file with a header that may not be true."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def saved(value):
    """The bytes that torch.save writes."""
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def damaged(form):
    """(suffix, bytes) of a weights file that cannot be used."""
    number = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    return {
        "empty": (".pth", b""),
        "empty safetensors": (".safetensors", b""),
        "a web page": (".pth", b"<html>quota exceeded</html>"),
        "cut": (".pth", saved(own_tensors())[:-1000]),
        "no tensors": (".pth", saved({"epoch": 3})),
        "numbers for names": (".pth", saved({1: torch.zeros(2)})),
        "header of exabytes": (".safetensors", safetensors({"a": number}, b"\0" * 8, length=2**63)),
        "tensor past the end": (
            ".safetensors",
            safetensors({"a": number | {"data_offsets": [0, 80]}}, b"\0" * 8),
        ),
        "tensor of petabytes": (
            ".safetensors",
            safetensors({"a": number | {"shape": [10**15]}}, b"\0" * 8),
        ),
        "numbers torch lacks": (
            ".safetensors",
            safetensors(
                {"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}, b"\0" * 3
            ),
        ),
        "no JSON": (".safetensors", safetensors(b"{{{{")),
    }[form]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("empty", "has no bytes"),
        ("empty safetensors", "has no bytes"),
        ("a web page", "more than tensors, or is damaged"),
        ("cut", "no file of torch.save, or is damaged"),
        ("no tensors", "no named tensors"),
        ("numbers for names", "no named tensors"),
        ("header of exabytes", "header too large"),
        ("tensor past the end", "is damaged"),
        ("tensor of petabytes", "is damaged"),
        ("numbers torch lacks", "is damaged"),
        ("no JSON", "is damaged"),
    ],
)
def test_a_damaged_weights_file_is_one_sentence(tmp_path, form, sentence):
    suffix, data = damaged(form)
    path = tmp_path / f"theirs{suffix}"
    path.write_bytes(data)
    with pytest.raises(RecipeError, match=sentence) as found:
        load(small().backbone, "small", str(path))
    assert str(found.value).count("\n") == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_and_named(tmp_path, value):
    state = own_tensors()
    state["stem.weight"][0, 0, 0, 0] = value
    path = tmp_path / "theirs.safetensors"
    save_file(state, path)
    with pytest.raises(RecipeError, match=r"NaN or infinity in 1 of 44 tensors \(stem.weight\)"):
        load(small().backbone, "small", str(path))


def test_numbers_that_only_a_wider_type_holds_are_refused(tmp_path):
    state = own_tensors()
    state["bn.weight"] = torch.full_like(state["bn.weight"], 1e300, dtype=torch.float64)
    save_file(state, tmp_path / "theirs.safetensors")
    with pytest.raises(RecipeError, match=r"infinity in 1 of 44 tensors \(bn.weight\)"):
        load(small().backbone, "small", str(tmp_path / "theirs.safetensors"))


def test_quantised_weights_do_not_fit_and_start_fresh(tmp_path):
    state = own_tensors()
    state["stem.weight"] = torch.ones_like(state["stem.weight"], dtype=torch.int8)
    save_file(state, tmp_path / "theirs.safetensors")
    said = load(small(1).backbone, "small", str(tmp_path / "theirs.safetensors"), partial=True)
    assert "1 of 37 tensors of the network are not in it and start fresh (stem.weight)" in said


def test_every_number_of_a_recipe_has_a_range_and_every_shipped_one_lies_in_it():
    assert {knob for knob, _ in Recipe.read("bot")._numbers()} == set(BOUNDS)
    for name in declarations.declaration_names("recipes"):
        for knob, value in Recipe.read(name)._numbers():
            least, most = BOUNDS[knob]
            assert least <= value <= most


@pytest.mark.parametrize("knob", BOUNDS)
def test_a_number_out_of_its_range_names_file_field_and_range(tmp_path, knob):
    path = tmp_path / "mine.toml"
    section, _, name = knob.rpartition(".")
    least, most = BOUNDS[knob]
    for value, said in ((least - 1, f"at least {least:,}"), (most * 10, f"at most {most:,}")):
        text = f"[{value}]" if name == "decay_at" else str(value)
        lines = (
            [f"{name} = {text}"]
            if not section
            else ["seeds = 1", f"[{section}]", f"{name} = {text}"]
        )
        lines += [] if section == "length" else ["[length]", "steps = 5"]
        path.write_text("\n".join(['title = "Mine"', *lines]))
        with pytest.raises(
            RecipeError, match=f"^{re.escape(str(path))}: {knob} must be {said}, found "
        ):
            Recipe.read(path)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "true", '"fast"', "[]"])
def test_a_learning_rate_that_is_no_number_names_file_and_field(tmp_path, value):
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "Mine"\nseeds = 1\n[length]\nsteps = 5\n[optimizer]\nlr = {value}\n')
    with pytest.raises((RecipeError, DeclarationError), match=r"mine\.toml: optimizer(:|\.) ?lr"):
        Recipe.read(path)


def test_a_step_of_gigabytes_and_a_loss_of_nothing_are_refused(tmp_path):
    path = tmp_path / "mine.toml"
    start = 'title = "Mine"\nseeds = 1\n[length]\nsteps = 5\n'
    path.write_text(
        f"{start}[batch]\nidentities = 5000\nimages = 4\n[input]\nheight = 512\nwidth = 256\n"
    )
    with pytest.raises(
        RecipeError, match=r"a step of 20,000 images of 512 x 256 holds 7.9 GB of pixels"
    ):
        Recipe.read(path)
    path.write_text(f"{start}[loss]\nidentity = 0\ntriplet = 0\n")
    with pytest.raises(RecipeError, match="nothing is learnt"):
        Recipe.read(path)


def test_options_of_the_command_line_have_the_same_ranges():
    for options in (
        {"steps": 10**15},
        {"epochs": float("nan")},
        {"epochs": float("inf")},
        {"steps": -1},
    ):
        with pytest.raises(RecipeError, match=r"recipe 'smoke': length\.(steps|epochs) must be "):
            Recipe.read("smoke").with_options(**options)


def test_a_disk_that_fills_while_a_model_is_saved_is_one_sentence(tmp_path, monkeypatch):
    def full(tensors, path):
        raise SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        )

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(
        GprplusError, match=r"model.safetensors cannot be written: No space left .* Free some space"
    ):
        save_model(small(), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []
