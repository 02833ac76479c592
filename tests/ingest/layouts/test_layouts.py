"""Every layout reads the names it was declared for, and no others.

tests/data/layouts/NAME.txt holds known rows and, after "!", near misses. They are the published
examples of each dataset, with one deliberate difference: the published sources leave viewpoint_deg
of gprplus blank, because nobody has said what c01..c12 mean. The shipped table follows FineGPR's
order all the same (marked unverified, and overridable), so that viewpoint can be studied at all;
the file says so.
"""

import csv
import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.core.errors import DeclarationError, LayoutError
from gprplus.ingest.inspection.layout_preview import preview_layout
from gprplus.ingest.layouts.decode import decode_tokens, token_table, uids
from gprplus.ingest.layouts.explain_mismatch import explain_mismatch
from gprplus.ingest.layouts.layout import Layout
from gprplus.ingest.layouts.load import load_layout, rendered_layout, shipped_layouts
from gprplus.ingest.layouts.match import match_names

VECTORS = Path(__file__).parents[2] / "data" / "layouts"
LAYOUTS = {layout.name: layout for layout in shipped_layouts()}


def known_rows() -> list[tuple[str, dict[str, str]]]:
    rows = []
    for name in LAYOUTS:
        lines = [
            line
            for line in (VECTORS / f"{name}.txt").read_text().splitlines()
            if line[:1] not in ("#", "!")
        ]
        rows += [(name, row) for row in csv.DictReader(lines)]
    return rows


def near_misses() -> list[tuple[str, str]]:
    return [
        (name, line[2:])
        for name in LAYOUTS
        for line in (VECTORS / f"{name}.txt").read_text().splitlines()
        if line.startswith("! ")
    ]


def parsed(layout: Layout, path: str) -> dict[str, object]:
    table = token_table(layout, "d", match_names(layout, [path]))
    return decode_tokens(layout, "d", table.append_column("path", pa.array([path]))).to_pylist()[0]


def as_text(value: object) -> str:
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    ("name", "expected"),
    known_rows(),
    ids=lambda value: value if isinstance(value, str) else value["path"],
)
def test_known_path_parses_exactly(name: str, expected: dict[str, str]) -> None:
    row = parsed(LAYOUTS[name], expected["path"])
    assert {key: as_text(row[key]) for key in expected} == expected


@pytest.mark.parametrize(("name", "path"), near_misses())
def test_near_miss_is_refused(name: str, path: str) -> None:
    assert match_names(LAYOUTS[name], [path]) == [None]


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_vectors_of_both_kinds(name: str) -> None:
    assert name in {known for known, _ in known_rows()}
    assert name in {known for known, _ in near_misses()}


@pytest.mark.parametrize("name", [name for name, one in LAYOUTS.items() if one.template])
@settings(max_examples=40)
@given(data=st.data())
def test_what_a_layout_writes_it_reads_back(name: str, data: st.DataObject) -> None:
    layout = LAYOUTS[name]
    tokens = {group: data.draw(token(layout, group), label=group) for group in layout.groups}
    found = layout.pattern.fullmatch(layout.write_path(tokens))
    assert found is not None
    assert found.groupdict() == tokens


def token(layout: Layout, group: str) -> st.SearchStrategy[str]:
    """What the pattern allows for one group, by the expression between its parentheses."""
    inside = re.search(rf"\(\?P<{group}>((?:[^()]|\([^()]*\))*)\)", layout.path)
    return st.from_regex(re.compile(inside[1], re.ASCII), fullmatch=True)


def test_digits_of_other_scripts_are_no_digits() -> None:
    assert match_names(load_layout("gprplus"), ["٠٠٠١/٠٠٠١_c01_w01_l01.jpg"]) == [None]


def test_camera_28_is_not_read_as_2() -> None:
    row = parsed(load_layout("finegpr_subset"), "FineGPR_subset/0001_c28_w03_l05_p03.jpg")
    assert (row["camera"], row["viewpoint_deg"]) == (28, 0)


def test_persons_and_cameras_numbered_anew_in_each_folder_are_told_apart() -> None:
    layout = load_layout("unrealperson")
    one, two, other = (
        parsed(layout, f"unreal_v{place}/images/333_c001_78.jpg") for place in ("3.1", "1.1", "3.2")
    )
    assert one["identity"] == two["identity"] == "1:333"  # one person in two scenes
    assert other["identity"] == "2:333"
    assert (one["camera"], two["camera"], other["camera"]) == (301, 101, 301)


def test_the_scene_is_not_read_as_the_identity() -> None:
    row = parsed(load_layout("randperson"), "000000_s00_c00_f000264.jpg")
    assert (row["identity"], row["camera"], row["background"], row["frame"]) == (
        "000000",
        0,
        "s00",
        264,
    )


def test_both_orders_of_randpersons_names_are_one_image() -> None:
    one = parsed(load_layout("randperson"), "000012_s03_c01_f001632.jpg")
    two = parsed(load_layout("randperson_2020_06"), "000012_c01_s03_f001632.jpg")
    del one["path"], two["path"]
    assert one == two
    assert (one["camera"], one["camera_code"]) == (301, "3:1")


def test_cameras_of_different_scenes_of_clonedperson_stay_apart() -> None:
    names = [f"train/700000_s{scene:02d}_c00_f000001.jpg" for scene in (2, 6, 12)]
    assert [parsed(load_layout("clonedperson"), name)["camera"] for name in names] == [
        200,
        600,
        1200,
    ]


def test_cameras_10_11_and_12_of_personx_are_not_camera_1() -> None:
    names = [f"query/0001_c{camera}s1_01.jpg" for camera in (10, 11, 12)]
    assert [parsed(load_layout("personx_harder"), name)["camera"] for name in names] == [10, 11, 12]


def test_an_hour_with_one_digit_is_the_hour_with_two() -> None:
    names = ["0001/0001_c10_s03_T4.png", "0001/0001_c10_s03_T04.png"]
    assert {parsed(load_layout("weperson"), name)["illumination"] for name in names} == {"04_00"}


def test_person_numbers_of_cuhk03_repeat_across_camera_pairs() -> None:
    names = [f"images_detected/{pair}_001_1_01.png" for pair in (1, 2)]
    assert [parsed(load_layout("cuhk03_extracted"), name)["identity"] for name in names] == [
        "1:001",
        "2:001",
    ]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("s1c100_7.jpg", "would share its number with one of another scene"),
        ("s1cx_7.jpg", "'x' must be a number"),
    ],
)
def test_a_camera_that_has_no_number_of_its_own_is_one_sentence(
    tmp_path: Path, path: str, sentence: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "title = 'mine'\npath = 's(?P<scene>.)c(?P<camera>.+)_(?P<identity>.)'\n"
        "[camera]\ngroups = ['scene', 'camera']\n"
    )
    with pytest.raises(LayoutError, match=re.escape(sentence)):
        parsed(load_layout(file), path)


def test_overcast_is_the_engines_smog_in_every_generation() -> None:
    for name in ("gta_raw_v30", "gta_raw_v314"):
        assert parsed(load_layout(name), "0003/0003_C10_W02_L03.jpg")["weather"] == "overcast"
    assert parsed(load_layout("gprplus"), "0003/0003_c10_w03_l03.jpg")["weather"] == "overcast"


def test_published_code_is_the_raw_code_plus_one() -> None:
    raw, published = load_layout("gta_raw_v314"), load_layout("gprplus")
    for code in range(7):
        before = parsed(raw, f"0001/0001_C00_W{code:02d}_L{code:02d}.jpg")
        after = parsed(published, f"0001/0001_c01_w{code + 1:02d}_l{code + 1:02d}.jpg")
        assert (before["weather"], before["illumination"]) == (
            after["weather"],
            after["illumination"],
        )


def test_the_two_sunny_passes_of_the_raw_generator_are_two_images_of_one_weather() -> None:
    layout = load_layout("gta_raw_v314")
    first, second = "0000/0000_C00_W-1_L00.jpg", "0000/0000_C00_W00_L00.jpg"
    assert parsed(layout, first)["weather"] == parsed(layout, second)["weather"] == "sunny"
    assert parsed(layout, first)["weather_code"] == "-1"
    assert parsed(layout, first)["uid"] != parsed(layout, second)["uid"]


def test_key_of_an_image_speaks_of_its_raw_tokens_alone() -> None:
    layout = load_layout("finegpr")
    short, long = "0001/0001_c01_w01_l01_p01.jpg", "FineGPR/0001/0001_c01_w01_l01_p01.jpg"
    assert parsed(layout, short)["uid"] == parsed(layout, long)["uid"]
    one, two = (uids(layout, name, match_names(layout, [short]))[0] for name in ("a", "b"))
    assert one != two


def test_quick_keys_are_the_careful_keys() -> None:
    layout = load_layout("engine")
    paths = ["0001/0001_c01_w01_l01_p01.jpg", "0002/0002_c03_w01_l01_p02.jpg"]
    mixed = [
        *paths,
        "0003/0003_c01_w01_l01.jpg",
    ]  # without a background the careful way is taken for all
    assert (
        uids(layout, "d", match_names(layout, mixed))[:2].tolist()
        == uids(layout, "d", match_names(layout, paths)).tolist()
    )


def test_renders_json_has_the_last_word_on_degrees_and_levels() -> None:
    said = {
        "degrees": {"01": 90, "02": 150},
        "background": {"01": "plaza"},
        "factors": ["identity", "weather"],
    }
    layout = rendered_layout(load_layout("engine"), said, "renders.json")
    row = parsed(layout, "0001/0001_c02_w03_l01.jpg")
    assert (row["viewpoint_deg"], row["background"], row["weather"]) == (150, "plaza", "overcast")
    assert layout.factors == ("identity", "weather")
    assert layout.digest != load_layout("engine").digest


def test_near_miss_says_where_a_name_stops_fitting() -> None:
    assert explain_mismatch(load_layout("gprplus"), "0001/0001_c01_w09_l01.jpg").startswith(
        "fits gprplus up to '0001/0001_c01_w0'"
    )
    assert "does not even begin" in explain_mismatch(load_layout("market1501"), "cat.jpg")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ("colour = 3", "unknown key 'colour'"),
        (
            "[weather]\nabsent = 'sunny'\nlevels = {01 = 'Dense Fog'}",
            "expected 'dense-fog', found 'Dense Fog'",
        ),
        ("licens = 'x'", "Did you mean 'licence'?"),
        ("factors = ['wether']", "Did you mean 'weather'?"),
        ("unverified = 'weather'", "expected a list"),
        ("[viewpoint_deg]\ngroup = 'view'", "reads the group 'view'"),
        ("[roles]\ntrain = 'train'", "roles need a group (?P<part>...)"),
        ("template = '{person}'", "template names 'person'"),
        (
            "examples = ['nobody.jpg']",
            "its own example 'nobody.jpg' does not begin as the path of mine does",
        ),
        ("name = 'x'", "a layout is named after its file"),
        ("size = [1]", "expected [width, height]"),
        ("role = 'trian'", "Did you mean 'train'?"),
        ("single = ['boxes']", "there is no group 'boxes'"),
        (
            "[identity]\ngroups = ['pair', 'identity']",
            "path has no group (?P<pair>...) to read identity from",
        ),
        ("[camera]\ngroups = []", "path has no group (?P<...>...) to read camera from"),
        ("[expected.roles]\ntest = 3", "expected.roles.test: unknown role 'test'"),
        ("[[lists]]\nfile = 'a.txt'", "expected a role for a text file, or paths and positions"),
        ("[[lists]]\nfile = 'a.txt'\nrole = 'probe'", "lists[0].role: unknown role 'probe'"),
        (
            "[[lists]]\nfile = 'a.mat'\npositions = {a = 'train'}",
            "expected a role for a text file, or paths",
        ),
    ],
)
def test_a_faulty_declaration_is_one_sentence(tmp_path: Path, changed: str, sentence: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"title = 'mine'\npath = '(?P<identity>\\d+)'\n{changed}\n")
    with pytest.raises(DeclarationError, match=re.escape(sentence)):
        load_layout(file)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("(?P<identity>", "is no regular expression"),
        ("(?P<a>.)(?P<a>.)", "redefinition"),
        ("(?P<identity>.)(?P<format>.)", "has the group(s) format"),
        (".*", "no group (?P<identity>"),
    ],
)
def test_a_faulty_pattern_is_one_sentence(tmp_path: Path, path: str, sentence: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"title = 'mine'\npath = '{path}'\n")
    with pytest.raises(DeclarationError, match=re.escape(sentence)):
        load_layout(file)


@pytest.mark.parametrize(
    ("pattern", "path", "sentence"),
    [
        (
            r"q(?P<identity>\d+)",
            "p7.jpg",
            r"does not begin as the path of mine does, q(?P<identity>\d+)",
        ),
        (
            r"p(?P<identity>\d+)-l\d\d",
            "p7-x4.jpg",
            r"fits mine up to 'p7-'; what must follow there is l\d\d",
        ),
        (
            r"p(?P<identity>\d+)\.jpg",
            "p7.jpg",
            "an extension of .jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff, .avif (extensions",
        ),
    ],
)
def test_a_layout_without_examples_says_where_a_name_stops_fitting(
    tmp_path: Path, pattern: str, path: str, sentence: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"title = 'mine'\npath = '{pattern}'\n")
    assert sentence in explain_mismatch(load_layout(file), path)


def test_tokens_that_a_users_table_lacks_are_named(tmp_path: Path, plant) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "title = 'mine'\npath = '(?P<identity>.)_(?P<illumination>l.)'\n[illumination.levels]\nl1 ="
        " 'noon'\n"
    )
    tried = preview_layout(plant(tmp_path / "r", ["a_l1.jpg", "a_l2.jpg", "b_l3.jpg"]), str(file))
    assert tried.unknown == [
        "illumination: [illumination.levels] has no l2, l3, which stay unknown."
    ]


def test_words_that_are_nearly_known_ones_are_asked_about(tmp_path: Path, plant) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "title = 'mine'\npath = '(?P<identity>.)_(?P<kamera>.)_(?P<weather>..)_(?P<take>.)'\n"
        "[weather.levels]\nw1 = 'fogy'\nw2 = 'sandstorm'\n"
    )
    assert preview_layout(plant(tmp_path / "r", ["a_1_w1_0.jpg"]), str(file)).doubts == [
        (
            "The group 'kamera' is not an attribute and only distinguishes images. Did you mean"
            " 'camera'?"
        ),
        "weather.levels.w1: 'fogy' is a new level. Did you mean 'foggy'?",
    ]
