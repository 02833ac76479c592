"""Which layout a folder is of, and when that is not guessed."""

import json
from pathlib import Path

import pytest

from gprplus.errors import DeclarationError, LayoutError
from gprplus.ingest.detect import choose
from gprplus.ingest.scan import list_files


def chosen(root: Path, layout: str | Path = "auto", name: str | None = None):
    return choose(list_files(root), layout, name)


RAW = [f"0000/0000_C{c:02d}_W{w:02d}_L00.jpg" for c in range(3) for w in range(7)]
TREES = {
    "gprplus": ["0001/0001_c01_w01_l01.jpg", "0002/0002_c12_w07_l07.jpg"],
    "finegpr": ["FineGPR/0001/0001_c01_w01_l01_p01.jpg", "FineGPR/0002/0002_c36_w07_l07_p09.jpg"],
    "finegpr_subset": ["FineGPR_subset/0001_c01_w03_l05_p03.jpg"],
    "gta_raw_v31": ["0000/0000_C00_W00_L00_A00.jpg", "0000/0000_C00_W01_L00_A01.jpg"],
    "gta_raw_v314": ["0000/0000_C00_W-1_L00.jpg", *RAW],
    "market1501": ["query/0001_c1s1_001051_00.jpg", "bounding_box_test/-1_c1s1_000401_03.jpg"],
}


@pytest.mark.parametrize("name", TREES)
def test_names_alone_tell_most_layouts(tmp_path: Path, plant, name: str) -> None:
    found = chosen(plant(tmp_path, TREES[name]))
    assert (found.layout.name, found.name, found.named) == (name, name, False)


@pytest.mark.parametrize(("width", "height", "name"), [(350, 720, "gta_raw_v30"), (200, 470, "gta_raw_v314")])
def test_shared_names_are_settled_by_the_pictures_size(tmp_path, plant, picture, width, height, name) -> None:
    root = plant(tmp_path, RAW, picture(width=width, height=height, kind=".png"))
    assert chosen(root).layout.name == name


def test_two_layouts_that_match_alike_are_named(tmp_path: Path, plant, picture) -> None:
    root = plant(tmp_path, RAW, picture(width=64, height=128))
    with pytest.raises(LayoutError, match="fits the layouts gta_raw_v30 and gta_raw_v314 alike") as problem:
        chosen(root)
    assert "--layout gta_raw_v30" in str(problem.value)
    assert chosen(root, "gta_raw_v314").layout.name == "gta_raw_v314"


def test_gpr_is_never_picked_by_itself(tmp_path: Path, plant) -> None:
    root = plant(tmp_path, TREES["gprplus"])
    assert chosen(root).layout.name == "gprplus"
    assert chosen(root, "gpr").layout.name == "gpr"
    eighth = plant(tmp_path / "eight", ["0001/0001_c01_w01_l08.jpg"])
    with pytest.raises(LayoutError, match="say --layout "):
        chosen(eighth)


def test_renders_json_is_obeyed_first(tmp_path: Path, plant) -> None:
    root = plant(tmp_path, TREES["gprplus"])
    (root / "renders.json").write_text(json.dumps({"layout": "engine", "name": "street", "degrees": {"01": 90}}))
    found = chosen(root)
    assert (found.layout.name, found.name, found.named) == ("engine", "street", True)
    assert found.layout.viewpoint_deg.degree("01") == 90
    assert chosen(root, name="mine").name == "mine"
    assert chosen(root, "gprplus").layout.name == "gprplus"


def test_a_broken_renders_json_is_one_sentence(tmp_path: Path, plant) -> None:
    root = plant(tmp_path, TREES["gprplus"])
    (root / "renders.json").write_text("{")
    with pytest.raises(LayoutError, match=r"renders\.json cannot be read as the record of a render"):
        chosen(root)
    (root / "renders.json").write_text(json.dumps({"layout": "engin"}))
    with pytest.raises(DeclarationError, match="Did you mean 'engine'"):
        chosen(root)
    (root / "renders.json").write_text(json.dumps({"layout": "engine", "degrees": {"01": "east"}}))
    with pytest.raises(DeclarationError, match="expected a int"):
        chosen(root)


def test_nothing_that_fits_is_told_with_the_nearest(tmp_path: Path, plant) -> None:
    root = plant(tmp_path, ["cat.jpg", "dog.jpg", "0001/0001_c01_w01_l01.jpg"])
    with pytest.raises(LayoutError, match="No known layout fits the names") as problem:
        chosen(root)
    assert "cat.jpg does not even begin like a name of" in str(problem.value)


def test_a_folder_too_high_is_told_from_one_that_is_unknown(tmp_path: Path, plant) -> None:
    plant(tmp_path / "Market-1501", TREES["market1501"])
    with pytest.raises(LayoutError, match=r"below .*Market-1501 they fit 'market1501'\. Give that folder\."):
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
