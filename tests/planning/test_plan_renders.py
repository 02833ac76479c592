"""plan-renders on the engine: a planted target is found, and every printed command runs."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import gprplus as gpr
from gprplus.cli import cli
from gprplus.core.errors import AnalysisError, PlanError, RequestChanged
from gprplus.engine.crops.design import make_design
from gprplus.planning.cells import candidate_cells
from gprplus.planning.methods import known
from gprplus.planning.methods.descent import probe_cells
from gprplus.planning.methods.proposal import PlanProblem, plan_method
from gprplus.planning.options import PlanOptions
from gprplus.planning.probe import RenderedProbe
from gprplus.planning.rare_identities import choose_identities

SIZE = "32x64"
SPACE = {
    "viewpoints": 2,
    "weathers": ("sunny", "foggy"),
    "illuminations": ("noon", "night"),
    "size": SIZE,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A target of fog at night, and a crossed manifest of other identities without noon fog."""
    home = tmp_path_factory.mktemp("planning")
    gpr.render(
        home / "target",
        identities=12,
        viewpoints=2,
        weathers=("foggy",),
        illuminations=("night",),
        size=SIZE,
        seed=5,
    )
    gpr.render(home / "renders" / "engine", identities=6, **SPACE)
    gpr.build_manifest(home / "renders" / "engine", home / "manifest")
    return home


def shares(plan, factor):
    counts = plan.info["planned"][factor]
    return {level: count / sum(counts.values()) for level, count in counts.items()}


@pytest.mark.parametrize(("method", "probes"), [("matched", 40), ("descent", None)])
def test_a_planted_target_is_found_with_rendered_probes(home, tmp_path, method, probes):
    found = gpr.plan_renders(
        "10x3", {"town": home / "target"}, tmp_path / "plan", methods=(method,), probe=5, **SPACE
    )
    assert found.made
    # An identity is in a cell once: three images of it cannot all be in the two cells of the target.
    assert shares(found.plan, "illumination")["night"] > 0.6
    assert shares(found.plan, "weather")["foggy"] > 0.6
    assert found.plan.images == 30
    assert found.plan.rows[0].levels[2:4] == ("foggy", "night")
    assert "night" in found.plan.rows[0].reason
    if probes:
        assert found.plan.info["probes"] == probes
    again = gpr.plan_renders(
        "10x3", {"town": home / "target"}, tmp_path / "plan", methods=(method,), probe=5, **SPACE
    )
    assert not again.made
    assert again.plan.fingerprint == found.plan.fingerprint
    with pytest.raises(RequestChanged, match="budget was"):
        gpr.plan_renders(
            "10x2",
            {"town": home / "target"},
            tmp_path / "plan",
            methods=(method,),
            probe=5,
            **SPACE,
        )


def test_existing_images_are_matched_and_their_holes_filled(home, tmp_path):
    given = {"manifest": home / "manifest", "viewpoints": 2, "size": SIZE}
    matched = gpr.plan_renders("6x3", {"town": home / "target"}, tmp_path / "m", **given)
    assert matched.plan.info["request"]["methods"] == ["matched"]
    assert shares(matched.plan, "illumination")["night"] > 0.5
    assert not any(row.is_new for row in matched.plan.rows)
    more = {**given, "weathers": ("sunny", "foggy", "snowlight"), "methods": ("holes",)}
    filled = gpr.plan_renders("6x4", None, tmp_path / "h", **more)
    assert shares(filled.plan, "weather") == {"sunny": 0.0, "foggy": 0.0, "snowlight": 1.0}
    assert all(row.is_new for row in filled.plan.rows)
    assert "0 images so far, 4.0 on average" in filled.plan.rows[0].reason


def test_images_at_other_levels_than_the_candidates_count_for_none_of_them(home, tmp_path):
    gpr.render(home / "renders" / "sunny", identities=6, **{**SPACE, "weathers": ("sunny",)})
    sunny = gpr.build_manifest(home / "renders" / "sunny", tmp_path / "sunny").path
    town = {"town": home / "target"}
    with pytest.raises(PlanError, match="no image at a candidate level of weather, so matched"):
        gpr.plan_renders("6x3", town, tmp_path / "m", manifest=sunny, weathers=("foggy", "neutral"))
    # The manifest records no height of its camera, so that all cells of named heights are new.
    given = {"manifest": home / "manifest", "methods": ("holes",), "camera_heights_m": (0.9, 1.8)}
    found = gpr.plan_renders("4x4", None, tmp_path / "h", **given)
    assert all(row.is_new for row in found.plan.rows)
    assert shares(found.plan, "camera_height_m") == {"0.9": 0.5, "1.8": 0.5}


def test_force_renders_probes_of_other_settings_anew(home, tmp_path):
    given = {**SPACE, "methods": ("descent",), "probe": 5, "sweeps": 1}
    town = {"town": home / "target"}
    gpr.plan_renders("6x3", town, tmp_path / "plan", **given)
    with pytest.raises(RequestChanged, match="seed was 0"):
        gpr.plan_renders("6x3", town, tmp_path / "plan", **given, seed=3)
    assert gpr.plan_renders("6x3", town, tmp_path / "plan", **given, seed=3, force=True).made


def test_a_manifest_without_levels_leaves_the_levels_of_the_engine(tmp_path):
    for name in ("0001_c1s1_000001_00", "0001_c2s1_000002_00", "0002_c1s1_000003_00"):
        path = tmp_path / "market" / "bounding_box_train" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 64), (90 * int(name[3]), 9, 9)).save(path)
    manifest = gpr.build_manifest(tmp_path / "market", tmp_path / "manifest", workers=1)
    found = gpr.plan_renders(
        "4x3", None, tmp_path / "plan", manifest=manifest.path, methods=("holes",)
    )
    assert found.plan.info["candidate_cells"] == len(candidate_cells(PlanOptions(), None))


def test_the_printed_command_draws_the_plan_as_it_is(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "plan-renders",
        "--target",
        f"town={home / 'target'}",
        "--budget",
        "4x3",
        "--method",
        "uniform",
    ]
    words += ["--viewpoints", "2", "--weathers", "sunny", "--illuminations", "noon,dusk-night"]
    words += [
        "--camera-heights",
        "0.9,1.8",
        "--size",
        SIZE,
        "--seed",
        "3",
        "--rare",
        "hat,upper_colour",
    ]
    found = CliRunner().invoke(cli, words, catch_exceptions=False)
    line = found.output.rsplit("draw it with: gprplus ", 1)[1].strip()
    drawn = CliRunner().invoke(cli, [*shlex.split(line), "-o", "drawn"], catch_exceptions=False)
    assert "12 images" in drawn.output
    manifest = gpr.build_manifest(Path("drawn"), Path("manifest"))
    images = manifest.images.to_pandas(columns=["identity", "illumination", "camera_height_m"])
    plan = gpr.RenderPlan.open(Path("work/plans/town"))
    assert len(images) == plan.images == 12
    assert set(images.identity) == set(plan.identities.column("identity").to_pylist())
    assert set(images.camera_height_m) == {0.9, 1.8}
    assert images.illumination.value_counts().to_dict() == plan.info["planned"]["illumination"]
    people = manifest.identities.to_pandas().set_index("identity")
    for row in plan.identities.to_pylist():  # the engine draws the traits that were planned
        assert people.loc[row["identity"], "hat"] == row["hat"]
    as_json = json.loads(CliRunner().invoke(cli, [*words, "--json"]).output)
    assert (as_json["images"], as_json["fingerprint"]) == (12, plan.fingerprint)


def test_what_a_method_lacks_is_one_sentence(home, tmp_path):
    def plan(**given):
        gpr.plan_renders("4x2", given.pop("targets", None), tmp_path / "x", **SPACE, **given)

    with pytest.raises(PlanError, match="descent needs a target: --target NAME=PATH"):
        plan(methods=("descent",))
    with pytest.raises(PlanError, match="holes needs images that exist: --manifest FOLDER"):
        plan(methods=("holes",))
    with pytest.raises(PlanError, match="effects needs a target: --target NAME=PATH"):
        plan(methods=("effects",))
    with pytest.raises(PlanError, match="effects needs finished runs: --from-runs RUN"):
        plan(methods=("effects",), manifest=home / "manifest", targets={"t": home / "target"})
    with pytest.raises(PlanError, match=r"There is no method 'matchd'\. Did you mean 'matched'"):
        plan(methods=("matchd",))
    with pytest.raises(PlanError, match="names uniform twice"):
        plan(methods=("uniform", "uniform"))
    with pytest.raises(PlanError, match="one target; found a, b"):
        plan(targets={"a": home / "target", "b": home / "target"})
    with pytest.raises(AnalysisError, match=r"The name of a target: '\.\./a' is not a plain name"):
        plan(targets={"../a": home / "target"})
    with pytest.raises(
        PlanError, match=r"'hats' is no attribute of identities\. Did you mean 'hat'"
    ):
        plan(rare=("hats",))
    with pytest.raises(PlanError, match="would pass 9,999"):
        plan(first_identity=9998)
    with pytest.raises(PlanError, match="--viewpoints must be at least 1"):
        PlanOptions(viewpoints=0)
    assert not (tmp_path / "x").exists()  # no empty folder of a refused plan


def test_an_attribute_that_is_named_twice_counts_once(home):
    manifest = gpr.Manifest.open(home / "manifest")
    given = (make_design(None, identities=1), 5, 1)
    once, twice = (choose_identities(*given, rare, manifest) for rare in (["hat"], ["hat", "hat"]))
    assert twice.equals(once)


def test_probes_of_a_factor_differ_in_that_factor_alone():
    cells = candidate_cells(PlanOptions(weathers=("sunny", "foggy", "neutral"), viewpoints=4), None)
    shares = {name: np.full(len(levels), 1 / len(levels)) for name, levels in cells.levels.items()}
    numbers = probe_cells(cells, "weather", shares, 8, np.random.default_rng(0))
    assert numbers.shape == (8, 3)
    for name in cells.factors:
        codes = cells.codes_of(name)[numbers]
        if name == "weather":
            assert (codes == [0, 1, 2]).all()
        else:
            assert (codes == codes[:, :1]).all()
    views = cells.codes_of("viewpoint_deg")[numbers[:, 0]]
    assert np.bincount(views).tolist() == [2, 2, 2, 2]  # as even as the shares allow


def test_a_damaged_probe_is_refused_until_its_folder_is_removed(tmp_path):
    space = {"viewpoints": 2, "weathers": ("sunny",), "illuminations": ("noon",), "size": SIZE}
    options = PlanOptions(**space, workers=1)
    cells = candidate_cells(options, None)
    problem = PlanProblem(cells, "town", None, None, options, tmp_path, 20)
    numbers = np.tile([0, 1], (3, 1))
    whole = RenderedProbe.of(problem, 3).features(numbers)
    next((tmp_path / "probe" / "renders" / "0002").glob("*.jpg")).write_bytes(b"no image")
    with pytest.raises(PlanError, match="1 of 6 rendered images") as refused:
        RenderedProbe.of(problem, 3).features(numbers)
    assert f"Remove {tmp_path / 'probe'} and run" in str(refused.value)
    shutil.rmtree(tmp_path / "probe")
    assert (RenderedProbe.of(problem, 3).features(numbers) == whole).all()


def test_a_method_is_registered_once():
    with pytest.raises(ValueError, match="two methods are called uniform"):
        plan_method("uniform")(known.METHODS["uniform"])
