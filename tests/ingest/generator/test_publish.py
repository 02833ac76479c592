"""Raw output of the generator under published names."""

import csv
from pathlib import Path

import pytest

from gprplus.core.errors import LayoutError, ManifestError, RequestChanged
from gprplus.core.imaging.image_headers import format_of
from gprplus.core.imaging.images import decode_image
from gprplus.ingest import build_manifest
from gprplus.ingest.gta.rename import write_renamed
from gprplus.ingest.gta.rename_plan import plan_renames

SAME = ("viewpoint_deg", "weather", "illumination", "background")


def mapping(folder: Path) -> dict[str, str]:
    with (folder / "_names.csv").open() as file:
        return {row["published"]: row["raw"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, shoot, save) -> dict[str, Path]:
    """Two people of each generation; few cameras, to stay small."""
    roots = {}
    for version in ("3.0", "3.1", "3.14"):
        shots = [
            shot
            for number in (0, 12)
            for shot in shoot(number, "A", version=version)
            if shot.camera in (0, 3, 10) and shot.hour in (0, 20)
        ]
        size = (200, 470) if version == "3.14" else (350, 720)
        root = tmp_path_factory.mktemp("raw") / version
        roots[version] = save(root, shots, *(side // 10 for side in size))
    return roots


LAYOUTS = {"3.0": "gta_raw_v30", "3.1": "gta_raw_v31", "3.14": "gta_raw_v314"}


@pytest.mark.parametrize("cameras", ["degrees", "code"])
@pytest.mark.parametrize("version", LAYOUTS)
def test_published_tree_has_the_attributes_of_the_raw_one(
    raw, tmp_path: Path, version: str, cameras: str
) -> None:
    layout = LAYOUTS[version]
    write_renamed(raw[version], tmp_path / "p", layout=layout, cameras=cameras, workers=1)
    before = build_manifest([raw[version]], tmp_path / "a", layout=layout).images().to_pylist()
    after = build_manifest([tmp_path / "p"], tmp_path / "b").images().to_pylist()
    expected = {row["path"]: row for row in before if row["weather_code"] != "-1"}
    names = mapping(tmp_path / "p")
    assert len(after) == len(expected) == 2 * 3 * 7 * 2
    for row in after:
        twin = expected[names[row["path"]]]
        assert row["identity"] == twin["identity"]
        assert [row[key] for key in SAME] == [twin[key] for key in SAME]


def test_code_is_the_raw_code_plus_one_and_the_first_sunny_pass_is_dropped(raw) -> None:
    found = plan_renames(raw["3.14"], layout="gta_raw_v314", cameras="code")
    pairs = dict(found.pairs)
    assert pairs["0012/0012_C10_W02_L06.jpg"] == "0012/0012_c11_w03_l07.jpg"
    assert pairs["0000/0000_C00_W00_L00.jpg"] == "0000/0000_c01_w01_l01.jpg"
    assert len(found.doubled) == 2 * 3 * 2
    assert not any("W-1" in path for path in pairs)


@pytest.mark.parametrize(("version", "front"), [("3.0", "C00"), ("3.1", "C00"), ("3.14", "C10")])
def test_c01_is_the_front_in_the_order_of_degrees(raw, version: str, front: str) -> None:
    found = plan_renames(raw[version], layout=LAYOUTS[version])
    assert {path.split("_")[1] for path, name in found.pairs if "_c01_" in name} == {front}
    assert found.degrees["01"] == 90


def test_png_bytes_become_jpeg_or_stay_as_asked(raw, tmp_path: Path) -> None:
    source = raw["3.14"] / "0000/0000_C00_W00_L00.jpg"
    assert format_of(source.read_bytes()[:64]) == "png"  # whatever the name says
    write_renamed(raw["3.14"], tmp_path / "j", layout="gta_raw_v314", cameras="code", workers=1)
    write_renamed(
        raw["3.14"], tmp_path / "k", layout="gta_raw_v314", cameras="code", bytes_="keep", workers=1
    )
    name = "0000/0000_c01_w01_l01.jpg"
    assert format_of((tmp_path / "j" / name).read_bytes()[:64]) == "jpeg"
    assert (tmp_path / "k" / name).read_bytes() == source.read_bytes()
    one, two = (decode_image((tmp_path / folder / name).read_bytes()) for folder in ("j", "k"))
    assert one is not None
    assert two is not None
    assert one.shape == two.shape


def test_the_generation_is_found_by_the_bytes_where_names_are_shared(
    tmp_path: Path, shoot, save
) -> None:
    shots = [shot for shot in shoot(0, "A", version="3.0") if shot.camera == 0 and shot.hour == 0]
    assert plan_renames(save(tmp_path / "r", shots, 350, 720)).layout.name == "gta_raw_v30"


def test_partial_identities_strange_names_and_torn_files_are_told(
    tmp_path: Path, shoot, save
) -> None:
    shots = [shot for number in (0, 1) for shot in shoot(number, "A")]
    root = save(
        tmp_path / "r", [shot for shot in shots if shot.path[:4] == "0001" or shot.hour == 0]
    )
    (root / "0001" / "note.txt").write_text("x")
    (root / "0001" / "0001_C00_W00_L00.jpg").write_bytes(b"torn")
    found, info = write_renamed(root, tmp_path / "p", workers=1)
    assert found.partial == {"0000": 84}
    assert (info["images"], info["doubled"], info["unnamed"], info["unreadable"]) == (
        84 + 587,
        12 + 84,
        1,
        1,
    )
    text = (tmp_path / "p" / "_rejected.csv").read_text()
    assert "0001/note.txt" in text
    assert "no whole image" in text


def test_two_files_that_would_be_one_stop_the_work(raw, tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["0000/0000_C00_W01_L00.jpg", "0000/0000_C00_W01_L00.png"])
    assert len(plan_renames(root, layout="gta_raw_v314").collisions) == 1
    with pytest.raises(
        ManifestError, match="1 published names are claimed by more than one raw file"
    ):
        write_renamed(root, tmp_path / "p", layout="gta_raw_v314")


def test_published_again_is_no_work_and_otherwise_is_another_request(raw, tmp_path: Path) -> None:
    first = write_renamed(raw["3.14"], tmp_path / "p", layout="gta_raw_v314", workers=1)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")}
    assert (
        write_renamed(raw["3.14"], tmp_path / "p", layout="gta_raw_v314", workers=1)[1] == first[1]
    )
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")} == before
    with pytest.raises(RequestChanged, match="cameras was degrees, now code"):
        write_renamed(raw["3.14"], tmp_path / "p", layout="gta_raw_v314", cameras="code")


def test_a_tree_that_is_not_raw_is_refused(renders: Path) -> None:
    with pytest.raises(LayoutError, match="not raw ones of the generator"):
        plan_renames(renders)
