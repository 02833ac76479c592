"""The doubled sunny pass of the raw generator: two images of one weather, of which one counts."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from gprplus.ingest import Manifest, build_manifest, inspect
from gprplus.ingest.gta.repeated_pass import find_repeated_pass, looks_alike
from gprplus.ingest.layouts.load import load_layout
from gprplus.schema import IMAGES, conform
from gprplus.splits import make_split


def junk(manifest: Manifest) -> set[str]:
    return {
        row["path"] for row in manifest.images(["path", "is_junk"]).to_pylist() if row["is_junk"]
    }


@pytest.fixture
def raw(tmp_path: Path, shoot, save) -> Path:
    """Six people from two sides in two lights, all eight passes; twice as large as needs be."""
    shots = [
        s
        for n in range(6)
        for s in shoot(n, f"Actor{n}", rank=n)
        if s.camera in (0, 3) and s.hour in (0, 12)
    ]
    return save(tmp_path / "raw", shots)


def test_of_two_takes_the_repeated_one_is_junk(raw: Path, tmp_path: Path) -> None:
    manifest = build_manifest([raw], tmp_path / "m")
    assert junk(manifest) == {path.relative_to(raw).as_posix() for path in raw.rglob("*_W-1_*")}
    images = manifest.images().to_pylist()
    assert {row["weather"] for row in images if row["is_junk"]} == {"sunny"}
    assert {row["format"] for row in images} == {"png"}  # the names say .jpg
    (remark,) = manifest.datasets["gta_raw_v314"].remarks
    assert remark.endswith("(24 of 24 compared pairs are alike).")


def test_a_split_does_not_count_sunny_twice(raw: Path, tmp_path: Path) -> None:
    manifest = build_manifest([raw], tmp_path / "m")
    split = make_split(manifest, "weather", output=tmp_path / "s", test_share=0.4)
    mix = split.train("mix").to_pylist()
    assert not any(
        "W-1" in row["path"] for arm in split.record.arms for row in split.train(arm).to_pylist()
    )
    assert not any("W-1" in row["path"] for row in split.test().to_pylist())
    counts = {
        level: sum(row["weather"] == level for row in mix)
        for level in {row["weather"] for row in mix}
    }
    assert (
        max(counts.values()) - min(counts.values()) <= 6
    )  # a person's images are dealt evenly over the weathers
    assert inspect(manifest).cells[0].most == 1


def test_a_take_whose_twin_is_gone_is_the_only_sunny_image_and_counts(
    raw: Path, tmp_path: Path
) -> None:
    (raw / "0002/0002_C03_W00_L03.jpg").unlink()
    (raw / "0003/0003_C00_W00_L00.jpg").write_bytes(b"")
    manifest = build_manifest([raw], tmp_path / "m")
    assert not junk(manifest) & {"0002/0002_C03_W-1_L03.jpg", "0003/0003_C00_W-1_L00.jpg"}
    assert len(junk(manifest)) == 22


def test_a_take_in_another_place_is_no_repetition() -> None:
    taken = [("00", "beach"), ("-1", "street"), ("-1", "beach"), ("00", None), ("-1", None)]
    same = {"identity": "0001", "camera_code": "3", "illumination": "noon"}
    rows = [{**same, "weather_code": weather, "background": place} for weather, place in taken]
    found = find_repeated_pass(
        conform(pa.Table.from_pylist(rows), IMAGES), load_layout("gta_raw_v314")
    )
    assert list(zip(found.again, found.first, strict=True)) == [(2, 0), (4, 3)]


def test_a_pair_of_which_an_image_went_is_not_looked_at(raw: Path, tmp_path: Path) -> None:
    images = build_manifest([raw], tmp_path / "m").images()
    for path in ("0002/0002_C03_W00_L03.jpg", "0003/0003_C00_W-1_L00.jpg"):
        (raw / path).unlink()
    assert looks_alike(images, find_repeated_pass(images, load_layout("gta_raw_v314")), raw) == (
        22,
        22,
    )


@pytest.mark.parametrize("verify", ["names", "digest"])
def test_the_share_of_pairs_that_are_alike_is_said_as_far_as_anybody_looked(
    raw: Path, tmp_path: Path, verify: str
) -> None:
    for first, second in pairwise(sorted(raw.rglob("*_C00_W*_L00.jpg"))):
        if "W-1" in first.name:
            first.write_bytes(second.read_bytes())
    manifest = build_manifest([raw], tmp_path / "m", layout="gta_raw_v314", verify=verify)
    (remark,) = manifest.datasets["gta_raw_v314"].remarks
    told = (
        "no image was opened to compare them."
        if verify == "names"
        else "(24 of 24 compared pairs are alike)."
    )
    assert remark.endswith(told)
    assert len(junk(manifest)) == 24


def test_two_passes_that_differ_are_called_doubtful(raw: Path, tmp_path: Path, picture) -> None:
    for i, path in enumerate(raw.rglob("*_W-1_*")):
        path.write_bytes(picture(1000 + i, width=8, height=19, kind=".png"))
    (remark,) = build_manifest([raw], tmp_path / "m").datasets["gta_raw_v314"].remarks
    assert "Most are not: check both passes before using the weather of -1." in remark
