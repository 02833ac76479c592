"""Which layout a folder is of, and when that is not guessed."""

import json
from pathlib import Path

import pytest

from gprplus.core.errors import DeclarationError, LayoutError
from gprplus.ingest import build_manifest
from gprplus.ingest.files.scan import list_files
from gprplus.ingest.layouts.detect import detect_layout
from gprplus.ingest.layouts.load import shipped_layouts


def chosen(root: Path, layout: str | Path = "auto", name: str | None = None):
    return detect_layout(list_files(root), layout, name)


RAW = [f"0000/0000_C{c:02d}_W{w:02d}_L00.jpg" for c in range(3) for w in range(7)]
TREES = {
    "gprplus": ["0001/0001_c01_w01_l01.jpg", "0002/0002_c12_w07_l07.jpg"],
    "finegpr": ["FineGPR/0001/0001_c01_w01_l01_p01.jpg", "FineGPR/0002/0002_c36_w07_l07_p09.jpg"],
    "finegpr_subset": ["FineGPR_subset/0001_c01_w03_l05_p03.jpg"],
    "gta_raw_v31": ["0000/0000_C00_W00_L00_A00.jpg", "0000/0000_C00_W01_L00_A01.jpg"],
    "gta_raw_v314": ["0000/0000_C00_W-1_L00.jpg", *RAW],
    "market1501": ["query/0001_c1s1_001051_00.jpg", "bounding_box_test/-1_c1s1_000401_03.jpg"],
    "dukemtmcreid": ["query/0005_c2_f0046985.jpg", "bounding_box_test/0002_c1_f0044158.jpg"],
    "cuhk03_np": ["detected/query/0003_c1_22.png", "detected/bounding_box_test/0003_c1_21.png"],
    "cuhk03_extracted": ["images_detected/1_001_1_01.png", "images_detected/5_003_2_08.png"],
    "msmt17_v1": ["train/0000/0000_045_12_0303morning_0006_2.jpg"],
    "msmt17_v2": ["mask_train_v2/0000/0000_000_01_0303morning_0008_0.jpg"],
    "randperson": ["000000_s00_c00_f000264.jpg", "000000_s00_c01_f001632.jpg"],
    "randperson_2020_06": ["000000_c01_s00_f001632.jpg"],
    "clonedperson": ["train/700000_s02_c00_f023389.jpg", "test/query/705624_s12_c00_f003229.jpg"],
    "weperson": ["0000/0000_c00_s00_T04.png", "0001/0001_c10_s03_T4.png"],
    "personx_v1": ["1/query/0001_c1s1_32.jpg", "3/bounding_box_train/0004_c3s1_03.jpg"],
    "personx_harder": ["query/0001_c3s1_32.jpg", "bounding_box_train/0004_c12s1_03.jpg"],
    "personx_visda": ["personX/image_train/0001_c3s1_24.jpg"],
    "unrealperson": ["unreal_v3.1/images/333_c001_78.jpg", "unreal_v1.2/images/333_c001_78.jpg"],
}


@pytest.mark.parametrize("name", TREES)
def test_names_alone_tell_most_layouts(tmp_path: Path, plant, name: str) -> None:
    found = chosen(plant(tmp_path, TREES[name]))
    assert (found.layout.name, found.name, found.named) == (name, name, False)


@pytest.mark.parametrize(
    ("width", "height", "name"), [(350, 720, "gta_raw_v30"), (200, 470, "gta_raw_v314")]
)
def test_shared_names_are_settled_by_the_pictures_size(
    tmp_path, plant, picture, width, height, name
) -> None:
    root = plant(tmp_path, RAW, picture(width=width, height=height, kind=".png"))
    assert chosen(root).layout.name == name


def test_two_layouts_that_match_alike_are_named(tmp_path: Path, plant, picture) -> None:
    root = plant(tmp_path, RAW, picture(width=64, height=128))
    with pytest.raises(
        LayoutError, match="matches the layouts gta_raw_v30 and gta_raw_v314 equally"
    ) as problem:
        chosen(root)
    assert "--layout gta_raw_v30" in str(problem.value)
    assert chosen(root, "gta_raw_v314").layout.name == "gta_raw_v314"


def test_one_background_of_personx_may_be_of_either_set_and_is_not_guessed(
    tmp_path: Path, plant
) -> None:
    root = plant(tmp_path, ["query/0001_c3s1_32.jpg", "bounding_box_train/0004_c4s1_03.jpg"])
    with pytest.raises(
        LayoutError, match="matches the layouts personx_harder and personx_v1 equally"
    ):
        chosen(root)


def test_no_published_name_fits_two_layouts_but_where_names_are_shared() -> None:
    shared = {
        "gprplus",
        "gpr",
        "engine",
        "finegpr",
        "gta_raw_v30",
        "gta_raw_v314",
        "personx_v1",
        "personx_harder",
        "cuhk03_np",
        "msmt17_market",
    }
    known = [one for one in shipped_layouts() if one.automatic and not one.general]
    for name in [name for layout in known for name in layout.examples]:
        fitting = {layout.name for layout in known if layout.pattern.fullmatch(name)}
        assert len(fitting) == 1 or fitting <= shared, (name, fitting)


def test_gpr_is_never_picked_by_itself(tmp_path: Path, plant) -> None:
    root = plant(tmp_path, TREES["gprplus"])
    assert chosen(root).layout.name == "gprplus"
    assert chosen(root, "gpr").layout.name == "gpr"
    eighth = plant(tmp_path / "eight", ["0001/0001_c01_w01_l08.jpg"])
    with pytest.raises(LayoutError, match="pass --layout "):
        chosen(eighth)


def test_renders_json_is_obeyed_first(tmp_path: Path, plant) -> None:
    root = plant(tmp_path, TREES["gprplus"])
    (root / "renders.json").write_text(
        json.dumps({"layout": "engine", "name": "street", "degrees": {"01": 90}})
    )
    found = chosen(root)
    assert (found.layout.name, found.name, found.named) == ("engine", "street", True)
    assert found.layout.viewpoint_deg.degree("01") == 90
    assert chosen(root, name="mine").name == "mine"
    assert chosen(root, "gprplus").layout.name == "gprplus"


def test_a_broken_renders_json_is_one_sentence(tmp_path: Path, plant) -> None:
    root = plant(tmp_path, TREES["gprplus"])
    (root / "renders.json").write_text("{")
    with pytest.raises(
        LayoutError, match=r"renders\.json cannot be read as the record of a render"
    ):
        chosen(root)
    (root / "renders.json").write_text(json.dumps({"layout": "engin"}))
    with pytest.raises(DeclarationError, match="Did you mean 'engine'"):
        chosen(root)
    (root / "renders.json").write_text(json.dumps({"layout": "engine", "degrees": {"01": "east"}}))
    with pytest.raises(LayoutError, match=r"degrees\.01: expected a number, found 'east'"):
        chosen(root)


def test_nothing_that_fits_is_told_with_the_nearest(tmp_path: Path, plant) -> None:
    root = plant(tmp_path, ["cat.jpg", "dog.jpg", "0001/0001_c01_w01_l01.jpg"])
    with pytest.raises(LayoutError, match="No known layout fits the names") as problem:
        chosen(root)
    assert "cat.jpg does not even begin like a name of" in str(problem.value)
    assert f"`gprplus build-manifest {root} --layout FILE.toml`" in str(problem.value)


def test_a_folder_too_high_is_told_from_one_that_is_unknown(tmp_path: Path, plant) -> None:
    plant(tmp_path / "Market-1501", TREES["market1501"])
    with pytest.raises(
        LayoutError, match=r"below .*Market-1501 they fit 'market1501'\. Give that folder\."
    ):
        chosen(tmp_path)


def test_an_empty_folder_and_one_without_images_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="the folder is empty"):
        chosen(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(LayoutError, match=r"it holds 1 other files, such as notes\.txt"):
        chosen(tmp_path)


def test_a_layout_of_ones_own(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["alice-3.jpg", "bob-4.jpg"])
    file = tmp_path / "mine.toml"
    file.write_text("title = 'mine'\npath = '(?P<identity>[a-z]+)-(?P<camera>\\d)'\n")
    found = chosen(root, file)
    assert (found.layout.name, found.name) == ("mine", "mine")


def test_a_render_that_is_not_finished_is_not_taken_for_gprplus(tmp_path: Path, plant) -> None:
    """What an interrupted render leaves has GPR+ names; only its request says what it is."""
    plant(tmp_path, TREES["gprplus"])
    (tmp_path / "_request.json").write_text("{}")
    with pytest.raises(LayoutError, match=r"not finished.*gprplus render"):
        chosen(tmp_path)


def test_a_mistake_in_ones_own_layout_is_told_by_the_files_own_path(tmp_path: Path, plant) -> None:
    plant(tmp_path / "renders", TREES["gprplus"])
    mine = tmp_path / "mine.toml"
    mine.write_text('tytle = "mine"\n')
    with pytest.raises(DeclarationError, match=r"mine\.toml: unknown key 'tytle'") as told:
        chosen(tmp_path / "renders", mine)
    assert str(mine) in str(told.value)


@pytest.mark.parametrize(
    "where", ["people.json", "annotations/people.json", "_annotations/people.json"]
)
def test_whole_frames_are_sent_to_the_tool_that_cuts_persons_out(
    tmp_path: Path, plant, where: str
) -> None:
    root = plant(tmp_path / "frames", ["c01/000001.jpg", "c01/000002.jpg"])
    (root / where).parent.mkdir(exist_ok=True)
    (root / where).write_text(
        json.dumps({"images": [{"id": 1, "file_name": "c01/000001.jpg"}], "annotations": []})
    )
    with pytest.raises(
        LayoutError, match=rf"whole frames\. Cut .*frames_to_crops.py \S+ --coco \S+/{where} -o"
    ):
        chosen(root)


def test_more_cameras_than_market1501_has_are_read_by_the_general_layout(
    tmp_path: Path, plant
) -> None:
    names = ["bounding_box_train/0002_c17s1_000451_03.jpg", "query/0003_c8s1_000451_03.jpg"]
    names += [
        "bounding_box_test/0003_c9s1_000451_03.jpg",
        "bounding_box_test/-1_c9s1_000451_03.jpg",
    ]
    manifest = build_manifest([plant(tmp_path / "r", names)], tmp_path / "m")
    rows = manifest.images(["camera", "role", "is_junk"]).to_pylist()
    assert manifest.datasets.keys() == {"market_style"}
    assert sorted((row["camera"], row["role"], row["is_junk"]) for row in rows) == [
        (8, "query", False),
        (9, "gallery", False),
        (9, "gallery", True),
        (17, "train", False),
    ]


def test_distractors_beside_market1501_belong_to_the_gallery(tmp_path: Path, plant) -> None:
    names = ["bounding_box_train/0002_c1s1_000451_03.jpg", "query/0003_c2s1_000451_03.jpg"]
    names += [f"images/0000_c{i % 6 + 1}s{i}_{i:06}_00.jpg" for i in range(1, 9)]
    manifest = build_manifest([plant(tmp_path / "r", names)], tmp_path / "m")
    rows = manifest.images(["role", "is_distractor"]).to_pylist()
    assert [row["role"] for row in rows if row["is_distractor"]] == ["gallery"] * 8
    assert manifest.record.counts["identities"] == 2


def test_market1501_itself_is_not_read_by_the_general_layout(tmp_path: Path, plant) -> None:
    root = plant(
        tmp_path, ["query/0001_c1s1_001051_00.jpg", "bounding_box_test/0001_c2s1_001051_00.jpg"]
    )
    assert chosen(root).layout.name == "market1501"


def test_a_repack_does_not_read_train_all_twice(tmp_path: Path, plant) -> None:
    name = "0002/0002_c1s1_000451_03.jpg"
    root = plant(
        tmp_path / "r", [f"pytorch/{part}/{name}" for part in ("train", "train_all", "val")]
    )
    manifest = build_manifest([root], tmp_path / "m")
    assert manifest.datasets["market1501_folders"].images == 2
    assert manifest.rejected(["path", "reason"]).to_pylist() == [
        {"path": f"pytorch/train_all/{name}", "reason": "name"}
    ]


def test_identities_of_the_two_sides_of_msmt17_stay_apart(tmp_path: Path, plant) -> None:
    names = ["bounding_box_train/0000_c1_0000.jpg", "bounding_box_test/0000_c1_0000.jpg"]
    names += ["query/0000_c14_0030.jpg"]
    manifest = build_manifest([plant(tmp_path / "r", names)], tmp_path / "m")
    assert manifest.levels("identity") == ["test:0000", "train:0000"]
    assert manifest.record.counts["identities"] == 2


def test_folders_of_identities_are_read_where_they_are_named(tmp_path: Path, plant) -> None:
    root = plant(
        tmp_path / "r", ["Amur Tiger 1/a.png", "Amur Tiger 1/b.tif", "Amur Tiger 2/a.avif"]
    )
    with pytest.raises(LayoutError, match="pass --layout identity_folders"):
        chosen(root)
    manifest = build_manifest([root], tmp_path / "m", layout="identity_folders")
    assert manifest.levels("identity") == ["Amur Tiger 1", "Amur Tiger 2"]
