"""Archives of renders: the same manifest as of a folder, looked into once, and read by all that
comes after."""

import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from packing import packed_folder

from gprplus.analysis.features.registry import histogram_features
from gprplus.analysis.sample import source_sample
from gprplus.archives import reader
from gprplus.baseline.image_store import pack_images
from gprplus.core.parallel import no_progress
from gprplus.exports import export
from gprplus.ingest import Manifest, build_manifest
from gprplus.ingest.inspection.layout_preview import preview_layout
from gprplus.ingest.inspection.sample_grid import pick_grid
from gprplus.ingest.layouts.detect import render_folders
from gprplus.ingest.reading import batch, read

FORMS = [".tar", ".tar.gz", ".zip"]


def rows(manifest: Manifest) -> list[dict]:
    """All that the images table says, but for where and when the files are; by key."""
    return sorted(
        (
            {name: value for name, value in row.items() if name != "path"}
            for row in manifest.images().to_pylist()
        ),
        key=lambda row: row["uid"],
    )


@pytest.fixture
def looked_into(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The names of the archives that were opened and indexed since it was called last."""
    seen: list[str] = []
    make = reader.Archive.__init__

    def watched(self, path):
        seen.append(Path(path).name)
        make(self, path)

    monkeypatch.setattr(reader.Archive, "__init__", watched)

    def since() -> list[str]:
        found = seen.copy()
        seen.clear()
        reader._kept.clear()
        return found

    since()
    return since


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("verify", ["names", "header", "digest", "decode"])
def test_an_archive_is_ingested_as_the_folder_it_was_made_of(
    renders: Path, tmp_path: Path, form, verify
) -> None:
    folder = build_manifest([renders], tmp_path / "m", verify=verify)
    archive = packed_folder(tmp_path / f"r{form}", renders)
    manifest = build_manifest([archive], tmp_path / "n", verify=verify)
    assert rows(manifest) == rows(folder)
    assert manifest.images(["path"]).equals(folder.images(["path"]))
    assert manifest.roots() == {"gprplus": archive}
    if verify == "decode":
        assert manifest.fingerprint == folder.fingerprint


@pytest.mark.parametrize("form", FORMS)
def test_archives_in_a_folder_are_folders_of_their_names(
    renders: Path, tmp_path: Path, form: str
) -> None:
    root = tmp_path / "root"
    for person in ("0001", "0002"):
        packed_folder(root / "cams" / f"{person}{form}", renders / person, person)
    shutil.copytree(renders / "0003", root / "0003")
    manifest = build_manifest([root], tmp_path / "m")
    assert rows(manifest) == rows(build_manifest([renders], tmp_path / "n"))
    paths = manifest.images(["path"])["path"].to_pylist()
    assert paths[0] == f"cams/0001{form}/0001/0001_c01_w01_l01.jpg"
    assert paths[-1] == "0003/0003_c02_w03_l02.jpg"


def test_the_way_datasets_are_packed(tmp_path: Path, plant) -> None:
    """One archive a camera, one a scene called after it, one around everything."""
    camera = plant(tmp_path / "camera", ["000000_s00_c00_f000264.jpg"])
    packed_folder(tmp_path / "rp" / "images" / "scene00" / "camera0_1.tar.gz", camera)
    other = plant(tmp_path / "other", ["000001_s00_c02_f000001.jpg"])
    packed_folder(tmp_path / "rp" / "images" / "scene00" / "camera2_3.tar.gz", other, "camera2_3")
    found = build_manifest([tmp_path / "rp"], tmp_path / "m1")
    assert found.record.counts == {"images": 2, "identities": 2, "rejected": 0}
    assert list(found.datasets) == ["randperson"]

    packed_folder(
        tmp_path / "up" / "unreal_v3.1.tar", plant(tmp_path / "u", ["images/333_c001_78.jpg"])
    )
    packed_folder(
        tmp_path / "up" / "more.tar", plant(tmp_path / "u2", ["unreal_v1.2/images/333_c001_78.jpg"])
    )
    found = build_manifest([tmp_path / "up"], tmp_path / "m2")
    assert found.identities()["identity"].to_pylist() == ["1:333", "2:333"]

    names = [
        "query/0001_c1s1_001051_00.jpg",
        "bounding_box_test/0001_c2s1_001051_01.jpg",
        "gt_bbox/x.jpg",
    ]
    market = packed_folder(
        tmp_path / "Market.zip", plant(tmp_path / "market", names), "Market-1501-v15.09.15"
    )
    found = build_manifest([market], tmp_path / "m3")
    assert (list(found.datasets), found.datasets["market1501"].roles) == (
        ["market1501"],
        {"query": 1, "gallery": 1},
    )
    assert found.datasets["market1501"].ignored == 1


def test_what_lies_beside_the_renders_is_found_in_the_archive_too(draw, tmp_path: Path) -> None:
    renders = draw(tmp_path / "r", people=3, views=1)
    (renders / "identities.csv").write_text("identity,gender\n0001,male\n0002,female\n0003,male\n")
    manifest = build_manifest(
        [packed_folder(tmp_path / "r.tar.gz", renders, "some/r")], tmp_path / "m"
    )
    assert list(manifest.datasets) == ["engine"]
    assert manifest.identities()["gender"].to_pylist() == ["male", "female", "male"]
    assert manifest.levels("viewpoint_deg") == [90]
    assert rows(manifest) == rows(build_manifest([renders], tmp_path / "n"))


def test_role_lists_are_read_from_the_archive(tmp_path: Path, plant) -> None:
    train = "0000/0000_045_12_0303morning_0006_2.jpg"
    query = "0001/0001_000_01_0303morning_0015_0.jpg"
    root = plant(tmp_path / "msmt", [f"train/{train}", f"test/{query}"])
    (root / "list_train.txt").write_text(f"{train} 0\n")
    (root / "list_query.txt").write_text(f"{query} 1\n")
    for inside in ("", "MSMT17_V1"):
        archive = packed_folder(tmp_path / f"a{inside}.tar", root, inside)
        images = (
            build_manifest([archive], tmp_path / f"m{inside}").images(["path", "role"]).to_pylist()
        )
        assert sorted(row["role"] for row in images) == ["query", "train"], inside


@pytest.mark.parametrize("form", FORMS)
def test_an_unchanged_archive_is_not_looked_into_again(
    renders: Path, tmp_path: Path, form, looked_into, picture
) -> None:
    (renders / "0001" / "cat.jpg").write_bytes(picture())
    (renders / "0001" / "0001_c01_w01_l01.jpg").write_bytes(b"")
    (renders / "0001" / "in.zip").write_bytes(b"")
    root = packed_folder(tmp_path / "root" / f"a{form}", renders).parent
    first = build_manifest([root], tmp_path / "m")
    assert set(looked_into()) == {f"a{form}"}
    again = build_manifest([root], tmp_path / "m")
    assert (looked_into(), again.rebuilt) == ([], ())
    more = tmp_path / "more" / "0009"
    shutil.copytree(renders / "0002", more)
    for path in more.iterdir():
        path.rename(path.with_name(path.name.replace("0002", "0009")))
    packed_folder(root / f"b{form}", more.parent)
    both = build_manifest([root], tmp_path / "m")
    assert set(looked_into()) == {f"b{form}"}
    afresh = build_manifest([root], tmp_path / "fresh")
    assert both.images().equals(afresh.images())
    assert both.rejected().equals(afresh.rejected())
    assert both.datasets == afresh.datasets
    assert first.record.counts["images"] == 35


def test_workers_read_what_one_process_reads(renders: Path, tmp_path: Path, monkeypatch) -> None:
    root = tmp_path / "root"
    for form, person in zip(FORMS, ("0001", "0002", "0003"), strict=True):
        packed_folder(root / f"{person}{form}", renders / person, person)
    alone = build_manifest([root], tmp_path / "m", verify="digest")
    monkeypatch.setattr(read, "_PAYS", dict.fromkeys(read._PAYS, 0))
    monkeypatch.setattr(batch, "BATCH", dict.fromkeys(batch.BATCH, 5))
    assert (
        build_manifest([root], tmp_path / "n", verify="digest", workers=2)
        .images()
        .equals(alone.images())
    )


def test_one_compressed_stream_is_one_batch(renders: Path, tmp_path: Path, monkeypatch) -> None:
    from gprplus.ingest.files.archive_members import list_images
    from gprplus.ingest.layouts.detect import detect_layout

    monkeypatch.setattr(batch, "BATCH", dict.fromkeys(batch.BATCH, 5))
    for name in ("a.tar.gz", "b.tar"):
        packed_folder(tmp_path / "root" / name, renders)
    listing = list_images(tmp_path / "root")
    layout = detect_layout(listing, "gprplus").layout
    sizes = [len(part) for part in batch.make_batches(listing, "x", layout, "header")]
    assert sizes[0] == 36
    assert max(sizes[1:]) < 20
    alone = list_images(tmp_path / "root" / "a.tar.gz")
    assert [len(part) for part in batch.make_batches(alone, "x", layout, "header")] == [36]


def test_a_layout_is_tried_on_an_archive(renders: Path, tmp_path: Path) -> None:
    found = preview_layout(packed_folder(tmp_path / "r.tar.gz", renders, "GPR+"))
    assert (found.layout, found.matched, found.files) == ("gprplus", 36, 36)
    assert found.rows[0]["path"] == "GPR+/0001/0001_c01_w01_l01.jpg"


def test_archives_under_the_work_folder_are_renders_too(renders: Path, tmp_path: Path) -> None:
    packed_folder(tmp_path / "work" / "a.tar.gz", renders)
    (tmp_path / "work" / "notes.txt").write_text("")
    shutil.copytree(renders, tmp_path / "work" / "b")
    assert [path.name for path in render_folders(tmp_path / "work")] == ["a.tar.gz", "b"]


@pytest.mark.parametrize("form", FORMS)
def test_what_comes_after_reads_members_as_files(draw, tmp_path: Path, form: str) -> None:
    """Sheets, the packed store, distances and exports give the same from an archive as from the
    folder."""
    folder = draw(tmp_path / "r", people=6, views=2)
    archive = packed_folder(tmp_path / f"r{form}", folder, "r")
    found = {}
    for name, renders in (("folder", folder), ("archive", archive)):
        manifest = build_manifest([renders], tmp_path / name / "m", name="same")
        images = manifest.images()
        sheet = pick_grid(manifest, "weather", columns=3)
        store = pack_images(images, manifest.roots(), tmp_path / name / "store", 32, 16)
        side = source_sample(manifest, ["weather"], 20, None, seed=0)
        sample = histogram_features().extract(side.images(), 2, no_progress)
        made = export(manifest.path, "market1501", tmp_path / name / "market")
        files = {
            path.relative_to(made.path): path.read_bytes() for path in made.path.rglob("*.jpg")
        }
        found[name] = (sheet, store.images(store.uids)[:], files, sample)
        told = (
            "72 images are in archives and were copied: members cannot be linked."
            in made.info["notes"]
        )
        assert told == (name == "archive")
    one, two = found["folder"], found["archive"]
    assert all(
        np.array_equal(a, b)
        for a, b in zip(chain(*one[0].cells), chain(*two[0].cells), strict=True)
    )
    assert np.array_equal(one[1], two[1])
    assert one[2] == two[2]
    assert np.array_equal(one[3], two[3])
