"""From folders to tables: what goes in, what stays out, and what a rebuild costs."""

import os
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pytest

from gprplus.core.errors import LayoutError, ManifestError, RequestChanged
from gprplus.ingest import Manifest, build_manifest
from gprplus.ingest.files import classify
from gprplus.ingest.reading import batch, read
from gprplus.schema import IDENTITIES, IMAGES, REJECTED, SCAN, arrow_schema


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of every file that is opened from here on."""
    seen: list[str] = []
    whole = batch.probe_files

    def watched(root, paths, verify):
        seen.extend(paths)
        return whole(root, paths, verify)

    monkeypatch.setattr(batch, "probe_files", watched)
    return seen


def reasons(manifest: Manifest) -> dict[str, str]:
    rows = manifest.rejected().to_pylist()
    return {row["path"]: row["reason"] for row in rows}


def test_a_tree_becomes_the_declared_tables(renders: Path, tmp_path: Path) -> None:
    manifest = build_manifest([renders], tmp_path / "m")
    for table, columns in (
        ("images", IMAGES),
        ("identities", IDENTITIES),
        ("rejected", REJECTED),
        ("scan", SCAN),
    ):
        assert getattr(manifest, table)().schema.equals(arrow_schema(columns)), table
    assert manifest.record.counts == {"images": 36, "identities": 3, "rejected": 0}
    row = manifest.images().to_pylist()[0]
    assert (row["path"], row["identity"], row["camera"]) == ("0001/0001_c01_w01_l01.jpg", "0001", 1)
    assert (row["weather"], row["weather_code"], row["format"], row["width_px"]) == (
        "sunny",
        "01",
        "jpeg",
        20,
    )
    assert row["digest"] is None
    assert manifest.levels("illumination") == ["midnight", "dawn"]
    assert manifest.levels("background") == []
    assert manifest.levels("identity") == ["0001", "0002", "0003"]
    assert manifest.roots() == {"gprplus": renders}


def test_rows_stand_by_dataset_identity_and_path(tmp_path: Path, plant) -> None:
    names = [
        "query/0002_c1s1_000451_00.jpg",
        "bounding_box_test/0002_c1s1_000451_03.jpg",
        "query/0001_c1s1_001051_00.jpg",
    ]
    manifest = build_manifest(
        [plant(tmp_path / "m1501", [*names, "bounding_box_test/-1_c1s1_000401_03.jpg"])],
        tmp_path / "m",
    )
    assert manifest.images(["path"])["path"].to_pylist() == [
        names[2],
        names[1],
        names[0],
        "bounding_box_test/-1_c1s1_000401_03.jpg",
    ]


def test_what_cannot_be_used_is_rejected_with_a_reason(
    renders: Path, tmp_path: Path, picture
) -> None:
    bad = {
        "0001/0001_c01_w01_l01.jpg": ("empty", b""),
        "0001/0001_c01_w01_l02.jpg": ("truncated", picture(1)[:300]),
        "0001/0001_c01_w02_l01.jpg": ("foreign", b"<!DOCTYPE html>" * 40),
        "0001/cat.jpg": ("name", picture(2)),
    }
    for path, (_, data) in bad.items():
        (renders / path).write_bytes(data)
    (renders / "0001/0001_c01_w02_l02.jpg").write_bytes(picture(3, kind=".png"))
    manifest = build_manifest([renders], tmp_path / "m")
    assert reasons(manifest) == {path: reason for path, (reason, _) in bad.items()}
    assert all(row["detail"] for row in manifest.rejected().to_pylist())
    images = {row["path"]: row for row in manifest.images().to_pylist()}
    assert len(images) == 33
    assert images["0001/0001_c01_w02_l02.jpg"]["format"] == "png"  # the bytes count, not the name


@pytest.mark.parametrize("verify", ["names", "header", "digest", "decode"])
def test_each_grade_fills_what_it_looks_at(renders: Path, tmp_path: Path, verify: str) -> None:
    images = build_manifest([renders], tmp_path / "m", verify=verify).images()
    assert (images["width_px"].null_count == 0) == (verify != "names")
    assert (images["digest"].null_count == 0) == (verify in ("digest", "decode"))
    assert images["size_bytes"].null_count == 0


def test_market_has_roles_junk_and_distractors(tmp_path: Path, plant) -> None:
    names = [
        "bounding_box_train/0002_c1s1_000451_03.jpg",
        "query/0001_c1s1_001051_00.jpg",
        "bounding_box_test/0001_c2s1_001051_01.jpg",
        "bounding_box_test/0000_c1s1_000151_01.jpg",
        "bounding_box_test/-1_c1s1_000401_03.jpg",
        "bounding_box_test/1488_c6s3_094992_01.jpg.jpg",
        "query/Thumbs.db",
        "gt_bbox/0001_c1s1_001051_00.jpg",
    ]
    manifest = build_manifest([plant(tmp_path / "Market-1501", names)], tmp_path / "m")
    rows = {row["path"]: row for row in manifest.images().to_pylist()}
    assert manifest.record.counts == {"images": 6, "identities": 3, "rejected": 0}
    assert [rows[name]["role"] for name in names[:3]] == ["train", "query", "gallery"]
    distractor, junk = rows[names[3]], rows[names[4]]
    assert (distractor["is_distractor"], distractor["is_junk"], distractor["identity"]) == (
        True,
        False,
        "0000",
    )
    assert (junk["is_distractor"], junk["is_junk"], junk["identity"], junk["identity_token"]) == (
        False,
        True,
        None,
        "-1",
    )
    assert manifest.identities()["identity"].to_pylist() == ["0001", "0002", "1488"]
    assert rows[names[0]]["frame"] == 451


def test_the_same_request_again_opens_nothing_and_writes_nothing(
    renders: Path, tmp_path: Path, opened
) -> None:
    first = build_manifest([renders], tmp_path / "m")
    assert (len(opened), first.rebuilt) == (36, ("gprplus",))
    opened.clear()
    before = {path.name: path.stat().st_mtime_ns for path in first.path.glob("*.*")}
    again = build_manifest([renders], tmp_path / "m")
    assert (opened, again.rebuilt, again.record) == ([], (), first.record)
    assert {path.name: path.stat().st_mtime_ns for path in first.path.glob("*.*")} == before


def test_only_what_changed_is_opened(renders: Path, tmp_path: Path, opened, picture, plant) -> None:
    (renders / "0003/0003_c02_w03_l02.jpg").write_bytes(b"")
    build_manifest([renders], tmp_path / "m", verify="digest")
    opened.clear()
    plant(renders, ["0004/0004_c01_w01_l01.jpg"])
    (renders / "0001/0001_c01_w01_l01.jpg").write_bytes(picture(99))
    (renders / "0002/0002_c01_w01_l01.jpg").unlink()
    manifest = build_manifest([renders], tmp_path / "m", verify="digest")
    assert opened == ["0001/0001_c01_w01_l01.jpg", "0004/0004_c01_w01_l01.jpg"]
    afresh = build_manifest([renders], tmp_path / "fresh", verify="digest")
    assert manifest.images().equals(afresh.images())
    assert manifest.rejected().equals(afresh.rejected())
    assert manifest.fingerprint == afresh.fingerprint


def test_a_name_that_never_fits_does_not_spoil_the_no_op(
    renders: Path, tmp_path: Path, picture
) -> None:
    (renders / "cat.jpg").write_bytes(picture())
    assert build_manifest([renders], tmp_path / "m").rebuilt == ("gprplus",)
    assert build_manifest([renders], tmp_path / "m").rebuilt == ()
    (renders / "dog.jpg").write_bytes(picture())
    assert reasons(build_manifest([renders], tmp_path / "m")) == {
        "cat.jpg": "name",
        "dog.jpg": "name",
    }


def test_a_link_that_leads_nowhere_is_told_though_no_file_changed(
    renders: Path, tmp_path: Path, opened
) -> None:
    build_manifest([renders], tmp_path / "m")
    opened.clear()
    (renders / "0001/lost.jpg").symlink_to(renders / "nowhere.jpg")
    lost = build_manifest([renders], tmp_path / "m")
    assert (lost.rebuilt, opened, reasons(lost)) == (
        ("gprplus",),
        [],
        {"0001/lost.jpg": "unreadable"},
    )
    assert build_manifest([renders], tmp_path / "m").rebuilt == ()
    (renders / "0001/lost.jpg").unlink()
    assert reasons(build_manifest([renders], tmp_path / "m")) == {}


def test_fingerprint_depends_on_neither_place_nor_time_nor_workers(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_manifest([renders], tmp_path / "m")
    moved = tmp_path / "somewhere" / "else"
    moved.mkdir(parents=True)
    for path in sorted(renders.rglob("*.jpg"), reverse=True):
        copy = moved / path.relative_to(renders)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
        os.utime(copy, (1, 1))
    monkeypatch.setattr(read, "_PAYS", dict.fromkeys(read._PAYS, 0))
    monkeypatch.setattr(batch, "BATCH", dict.fromkeys(batch.BATCH, 5))
    second = build_manifest([moved], tmp_path / "m2", workers=2)
    assert first.fingerprint == second.fingerprint
    assert first.images().equals(second.images())


def test_another_dataset_is_added_and_the_first_is_left_alone(
    renders: Path, tmp_path: Path, plant, opened
) -> None:
    alone = build_manifest([renders], tmp_path / "m")
    opened.clear()
    market = plant(tmp_path / "market", ["query/0001_c1s1_001051_00.jpg"])
    both = build_manifest([market], tmp_path / "m")
    assert opened == ["query/0001_c1s1_001051_00.jpg"]
    assert list(both.datasets) == ["gprplus", "market1501"]
    assert both.record.counts["images"] == 37
    assert both.datasets["gprplus"] == alone.datasets["gprplus"]
    other_way = build_manifest([market, renders], tmp_path / "m2")
    assert other_way.fingerprint == both.fingerprint != alone.fingerprint
    assert other_way.images().equals(both.images())


def test_a_second_folder_of_one_layout_needs_a_name(
    renders: Path, tmp_path: Path, plant, design
) -> None:
    second = plant(tmp_path / "second", design(identities=1))
    with pytest.raises(ManifestError, match="would both be the dataset 'gprplus'"):
        build_manifest([renders, second], tmp_path / "m")
    build_manifest([renders], tmp_path / "m")
    with pytest.raises(ManifestError, match="already has a dataset 'gprplus'"):
        build_manifest([second], tmp_path / "m")
    both = build_manifest([second], tmp_path / "m", name="second")
    assert {name: about.images for name, about in both.datasets.items()} == {
        "gprplus": 36,
        "second": 12,
    }
    same = both.images(["dataset", "uid", "path"]).filter(
        pc.equal(both.images()["path"], "0001/0001_c01_w01_l01.jpg")
    )
    assert len(set(same["uid"].to_pylist())) == 2  # one name in two datasets is two images


def test_another_request_stops_and_force_replaces(renders: Path, tmp_path: Path) -> None:
    build_manifest([renders], tmp_path / "m")
    with pytest.raises(RequestChanged, match="verify was header, now digest"):
        build_manifest([renders], tmp_path / "m", verify="digest")
    replaced = build_manifest([renders], tmp_path / "m", verify="digest", force=True)
    assert replaced.images()["digest"].null_count == 0


def test_two_files_that_name_one_image_are_refused(tmp_path: Path, plant) -> None:
    root = plant(
        tmp_path / "r", ["0001/0001_c01_w01_l01_p01.jpg", "FineGPR/0001/0001_c01_w01_l01_p01.jpg"]
    )
    with pytest.raises(ManifestError, match="name the same image"):
        build_manifest([root], tmp_path / "m")
    assert not (tmp_path / "m" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"verify": "heeder"}, "Did you mean 'header'?"),
        ({"name": "a/b"}, "cannot name a dataset"),
        ({"identities": "nowhere.csv"}, "There is no file nowhere.csv"),
    ],
)
def test_options_that_cannot_be(renders: Path, tmp_path: Path, options, sentence: str) -> None:
    with pytest.raises(ManifestError) as problem:
        build_manifest([renders], tmp_path / "m", **options)
    assert sentence in str(problem.value)


def test_nothing_usable_is_one_sentence(tmp_path: Path, plant) -> None:
    with pytest.raises(ManifestError, match="no folder of renders to ingest"):
        build_manifest([], tmp_path / "m")
    with pytest.raises(ManifestError, match=r"Not one of the 1 files .* can be used: 1 foreign"):
        build_manifest(
            [plant(tmp_path / "r", ["0001/0001_c01_w01_l01.jpg"], b"nothing")], tmp_path / "m"
        )
    with pytest.raises(
        LayoutError, match=r"None of the 1 files under .* fits the layout 'market1501'"
    ):
        build_manifest(
            [plant(tmp_path / "s", ["0001/0001_c01_w01_l01.jpg"])],
            tmp_path / "m",
            layout="market1501",
        )
    (tmp_path / "file").write_text("")
    with pytest.raises(ManifestError, match="is a file; the manifest is a folder"):
        build_manifest([tmp_path / "r"], tmp_path / "file")


def test_strange_names_do_not_stop_a_build(renders: Path, tmp_path: Path, plant) -> None:
    plant(renders, ["0001/0001_c01\n_w01_l01.jpg", "märz/日本.jpg"])
    manifest = build_manifest([renders], tmp_path / "m")
    assert reasons(manifest) == {"0001/0001_c01\n_w01_l01.jpg": "name", "märz/日本.jpg": "name"}
    assert manifest.images().num_rows == 36


def test_reasons_are_all_sentences() -> None:
    assert all(sentence.endswith(".") for sentence in classify.REASONS.values())


def test_a_layout_of_the_user_without_licence_and_status_is_not_shown_as_published(draw, tmp_path):
    (draw(tmp_path / "renders", people=2, views=2) / "renders.json").unlink()
    own = (
        "title = 'own'\npath ="
        " '(?P<identity>\\d{4})/(?P=identity)_c(?P<camera>\\d\\d)_(?P<rest>\\w+)'\n"
    )
    (tmp_path / "own.toml").write_text(own)
    made = build_manifest(
        [tmp_path / "renders"], tmp_path / "manifest", layout=str(tmp_path / "own.toml")
    )
    [facts] = made.datasets.values()
    assert (facts.licence, facts.status) == ("not stated", "not stated")
