"""The whole of `analyze` on drawn renders: what it writes, what it finds, what it refuses."""

import json

import numpy as np
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from gprplus.analysis import AnalysisResult, analyze
from gprplus.cli import cli
from gprplus.core.errors import AnalysisError, ManifestError, RequestChanged
from gprplus.core.imaging.images import decode_image
from gprplus.exports import export
from gprplus.ingest import Manifest, build_manifest
from gprplus.schema import DISTANCES, arrow_schema
from gprplus.splits import make_split


@pytest.fixture(scope="module")
def home(tmp_path_factory, draw):
    """A manifest of drawn renders, and a folder of other people who are all in fog."""
    folder = tmp_path_factory.mktemp("analysis")
    draw(folder / "renders" / "engine")
    draw(folder / "fog", weathers=["04"], name="street")
    build_manifest([folder / "renders" / "engine"], folder / "manifest")
    return folder


@pytest.fixture(scope="module")
def found(home):
    return analyze(home / "manifest", {"fog": home / "fog"}, output=home / "analysis", images=40)[0]


def energy(analysis: AnalysisResult, attribute: str, features: str = "all") -> dict[str, float]:
    wanted = (
        (pc.field("attribute") == attribute)
        & (pc.field("features") == features)
        & (pc.field("measure") == "energy")
    )
    rows = analysis.distances.filter(wanted).to_pylist()
    return {row["value"]: row["distance"] for row in rows}


def test_the_foggy_level_is_nearest_to_a_foggy_target(found):
    distances = energy(found, "weather")
    assert min(distances, key=distances.get) == "foggy"
    assert distances["foggy"] < distances["clouds"] < distances["sunny"]


def test_the_table_has_the_documented_columns_and_every_level_kind_and_measure(found):
    assert found.distances.schema.equals(arrow_schema(DISTANCES))
    assert found.distances.num_rows == (3 + 2 + 4) * 5 * 2
    for row in found.distances.to_pylist():
        assert row["low"] <= row["high"]
        assert row["null_low"] <= row["null_high"]
        assert (row["images"], row["identities"]) == (40, 8) or row["attribute"] == "viewpoint_deg"


def test_sizes_alone_say_nothing_where_all_images_have_one_size(found):
    assert set(energy(found, "weather", "size").values()) == {0.0}


def test_the_record_says_what_was_looked_at(found):
    info = json.loads((found.path / "analysis.json").read_text())
    assert info["target_side"] == "all"
    assert info["target_identities"] == 8
    assert info["luminance_agreement"]["weather"] is None
    assert -1 <= info["luminance_agreement"]["viewpoint_deg"] <= 1


def test_the_same_request_again_is_read_not_measured(home, found):
    again = analyze(home / "manifest", {"fog": home / "fog"}, output=home / "analysis", images=40)[
        0
    ]
    assert found.made
    assert not again.made
    assert again.distances.equals(found.distances)


def test_workers_and_place_change_nothing(home, found, tmp_path):
    other = analyze(
        home / "manifest", {"fog": home / "fog"}, output=tmp_path, images=40, workers=1
    )[0]
    assert other.distances.equals(found.distances)


def test_another_request_into_the_folder_stops(home, found):
    with pytest.raises(RequestChanged, match="images was 40, now 41"):
        analyze(home / "manifest", {"fog": home / "fog"}, output=home / "analysis", images=41)


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [(["wether"], "Did you mean 'weather'"), (["camera"], "'camera' is not a crossed factor")],
    ids=["a typo", "a function of the viewpoint"],
)
def test_what_is_not_crossed_is_refused(home, tmp_path, attributes, sentence):
    with pytest.raises(AnalysisError, match=sentence):
        analyze(home / "manifest", {"fog": home / "fog"}, output=tmp_path, attributes=attributes)


def test_people_on_both_sides_are_counted_and_noted(home, found):
    itself = analyze(
        home / "manifest", {"itself": home / "manifest"}, output=home / "analysis", images=40
    )[0]
    assert itself.info["shared_people"] == 8
    assert found.info["shared_people"] == 0


def test_of_a_target_with_roles_only_the_training_side_is_looked_at(home, tmp_path, draw):
    build_manifest(
        [draw(tmp_path / "renders", people=16, weathers=["01"], name="street")], tmp_path / "all"
    )
    make_split(tmp_path / "all", "illumination", output=tmp_path / "split")
    market = export(tmp_path / "split", "market1501", tmp_path / "market", arm="mix").path
    for path in [*(market / "query").iterdir(), *(market / "bounding_box_test").iterdir()]:
        path.unlink()
        path.write_bytes(b"never opened")
    build_manifest([market], tmp_path / "manifest", verify="names")
    found = analyze(
        home / "manifest",
        {"market": tmp_path / "manifest"},
        output=tmp_path / "analysis",
        images=40,
    )[0]
    assert found.info["target_side"] == "train"


def test_too_few_people_are_refused(home, tmp_path, draw):
    few = draw(tmp_path / "few", people=3, name="few")
    with pytest.raises(AnalysisError, match="3 identities are in the target"):
        analyze(home / "manifest", {"few": few}, output=tmp_path / "analysis")


def test_a_target_that_is_not_there_is_said(home, tmp_path):
    with pytest.raises(AnalysisError, match="neither a manifest nor a folder or archive of images"):
        analyze(home / "manifest", {"x": tmp_path / "nowhere"}, output=tmp_path)
    with pytest.raises(ManifestError):
        analyze(tmp_path / "nowhere", {"x": tmp_path}, output=tmp_path)


def test_an_image_that_broke_since_is_named(tmp_path, draw):
    renders = draw(tmp_path / "renders", people=6, weathers=["01", "02"], lights=["03"], views=2)
    build_manifest([renders], tmp_path / "manifest")
    (renders / "0001" / "0001_c01_w01_l03.jpg").write_bytes(b"nothing")
    with pytest.raises(
        AnalysisError, match=r"1 of 24 sampled images cannot be read \(.*0001_c01_w01_l03.jpg\)"
    ):
        analyze(
            tmp_path / "manifest", {"self": tmp_path / "manifest"}, output=tmp_path / "analysis"
        )


def test_the_command_prints_the_nearest_level_first_and_the_caution(home):
    arguments = [
        "analyze",
        "--work",
        str(home),
        "--target",
        f"fog={home / 'fog'}",
        "--attr",
        "weather",
        "--images",
        "40",
    ]
    shown = CliRunner().invoke(cli, [*arguments, "-o", str(home / "printed")])
    assert shown.exit_code == 0, shown.output
    assert shown.output.index("foggy") < shown.output.index("sunny")
    assert "Distance is not accuracy" in shown.output
    page = (home / "printed" / "fog" / "analysis.html").read_text()
    assert "Weather (debiased energy distance, histograms): foggy is nearest" in page
    assert page.index("Distance is not accuracy") < page.index('id="plot-1"')
    assert " --attr weather --images 40 -o " in page.split("gprplus analyze --manifest")[1]
    again = CliRunner().invoke(cli, [*arguments, "-o", str(home / "printed")])
    assert "Nothing to do" in again.output
    data = json.loads(
        CliRunner().invoke(cli, [*arguments, "-o", str(home / "printed"), "--json"]).stdout
    )
    assert len(data["fog"]["distances"]) == 30


def test_the_outer_rows_of_a_picture_keep_half_a_row_from_its_edges(found):
    picture = decode_image((found.path / "weather.png").read_bytes()).astype(int)

    def lines(colour):
        return np.flatnonzero((abs(picture - colour).sum(axis=2) < 6).sum(axis=1) > 5)

    band, dots = lines([0xD9, 0xDE, 0xE4]), lines([0x1F, 0x3B, 0x57])
    half = (band[-1] - band[0]) / len(energy(found, "weather")) / 2
    radius = 5
    assert dots[0] - band[0] > half - 2 * radius
    assert band[-1] - dots[-1] > half - 2 * radius


def test_targets_are_named(home):
    shown = CliRunner().invoke(cli, ["analyze", "--work", str(home), "--target", "somewhere"])
    assert shown.exit_code == 2
    assert "expected NAME=PATH" in shown.output


def test_a_name_stands_for_one_folder_and_a_second_one_is_not_joined_to_it(home, tmp_path, draw):
    for name in ("one", "two"):
        draw(tmp_path / name, people=6, weathers=["01"], lights=["03"], name=name)

    def look(name):
        return analyze(
            home / "manifest",
            {"day": tmp_path / name},
            output=tmp_path / name[0],
            attributes=["weather"],
            images=10,
        )

    look("one")
    with pytest.raises(
        ManifestError, match=r"day was made of the images in .*one, and the target is now .*two\."
    ):
        look("two")
    assert list(Manifest.open(tmp_path / "targets" / "day").datasets) == ["one"]
