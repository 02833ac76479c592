"""A manifest in a notebook: tables with a where, images, sheets, and what it shows of itself."""

import shutil

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import gprplus as gpr
from gprplus.core.errors import FilterError, ManifestError
from gprplus.ingest.filters.uid_selection import UidSelection


@pytest.fixture(scope="module")
def manifest(draw, tmp_path_factory):
    home = tmp_path_factory.mktemp("views")
    renders = draw(home / "renders" / "engine", people=4, views=3, weathers=("01", "04"))
    people = home / "people.csv"
    people.write_text("identity,gender\n0001,male\n0002,female\n0003,male\n")
    return gpr.build_manifest(renders, home / "manifest", identities=people, workers=1)


@pytest.fixture(scope="module")
def frame(manifest):
    return manifest.images.to_pandas()


def kept(manifest, where):
    return manifest.images.to_arrow(["uid"], where).column("uid").to_pylist()


def test_columns_and_rows_are_chosen_by_name_and_text(manifest, frame):
    some = manifest.images.to_pandas(columns=["identity", "weather"], where="weather = foggy")
    assert list(some.columns) == ["identity", "weather"]
    assert set(some["weather"]) == {"foggy"}
    assert list(some.index) == list(frame.index[frame.weather == "foggy"])
    assert len(manifest.images) == len(frame) == manifest.images.to_arrow().num_rows
    assert manifest.images(["uid"]).equals(manifest.images.to_arrow(["uid"]))


def test_text_may_name_attributes_of_identities(manifest):
    assert list(manifest.identities.to_pandas(where="gender = male")["identity"]) == [
        "0001",
        "0003",
    ]
    assert set(manifest.images.to_pandas(where="gender = male")["identity"]) == {"0001", "0003"}
    assert set(manifest.images.to_pandas(where="gender is null")["identity"]) == {"0004"}


def test_every_form_of_where_chooses_the_same_rows(manifest, frame):
    mask = frame.weather == "foggy"
    rows = frame[mask]
    expected = frame["uid"][mask].tolist()
    shuffled = frame.sample(frac=1, random_state=0)
    forms = {
        "text": "weather = foggy",
        "series": mask,
        "series in another order": shuffled.weather == "foggy",
        "array of bool": mask.to_numpy(),
        "frame": rows,
        "arrow": pa.Table.from_pandas(rows[["uid"]]),
        "uids": rows["uid"],
        "numpy uids": rows["uid"].to_numpy(),
        "list": rows["uid"].tolist(),
        "signed uids": rows["uid"].to_numpy().astype(np.int64),
    }
    assert {name: kept(manifest, form) for name, form in forms.items()} == dict.fromkeys(
        forms, expected
    )


def test_a_where_that_does_not_fit_is_one_sentence(manifest, frame):
    for where, said in (
        ((frame.weather == "foggy")[:5], "one value for each of the 48 images, found 5"),
        ((frame.weather == "foggy").set_axis(range(1, 49)), "must count the images from 0"),
        ([1, 2], r"2 of 2 uids in where are not in the manifest \(1, 2\)"),
        (frame[["weather"]], "needs a column uid, found weather"),
        (np.array(3.5), "where must be text, a boolean value for each image"),
        (["x"], "no whole number"),
        (3.5, "no whole number"),
    ):
        with pytest.raises(FilterError, match=said):
            manifest.images.to_arrow(where=where)


def test_a_selection_has_the_fingerprint_of_its_uids_in_any_order():
    uids = np.array([3, 1, 2], dtype=np.uint64)
    one, two = UidSelection.of([2, 1], uids), UidSelection.of(np.array([True, False, False]), uids)
    assert one.fingerprint == UidSelection.of([1, 2, 2], uids).fingerprint != two.fingerprint
    assert one.keep(uids).tolist() == [False, True, True]
    assert two.uids.tolist() == [3]


def test_an_image_is_its_file(manifest, frame):
    row = frame.iloc[5]
    with Image.open(manifest.roots()["engine"] / row["path"]) as file:
        size = file.size
    image = manifest.image(row["uid"])
    assert (image.size, image.mode) == (size, "RGB")
    assert image.tobytes() == manifest.image(str(row["uid"])).tobytes()
    with pytest.raises(FilterError, match="not in the manifest"):
        manifest.image(7)


def test_an_archive_member_is_read_in_place(manifest, frame, tmp_path):
    packed = shutil.make_archive(str(tmp_path / "engine"), "tar", manifest.roots()["engine"])
    other = gpr.build_manifest(packed, tmp_path / "manifest", workers=1)
    uid = int(other.images(["uid"]).column("uid")[5].as_py())
    path = other.images.to_arrow(["path"], [uid]).column("path")[0].as_py()
    twin = frame["uid"][frame.path == path].iloc[0]
    assert other.image(uid).tobytes() == manifest.image(twin).tobytes()
    assert "<img " in other._repr_html_()


def test_an_image_that_is_gone_is_one_sentence_and_an_empty_field_of_a_sheet(
    manifest, frame, tmp_path
):
    moved = {"engine": tmp_path}
    with pytest.raises(ManifestError, match="cannot be read: No such file"):
        manifest.image(frame["uid"][0], roots=moved)
    assert manifest.sheet(limit=3, roots=moved).width > 0


def test_a_sheet_shows_what_where_keeps(manifest):
    whole, two = (
        manifest.sheet(columns=4, height_px=40),
        manifest.sheet([*kept(manifest, None)[:2]], height_px=40),
    )
    assert whole.height > 5 * 40 > two.height
    assert manifest.sheet(columns=4, height_px=40).tobytes() == whole.tobytes()
    assert manifest.sheet(columns=4, limit=8, height_px=40).height < whole.height
    with pytest.raises(ManifestError, match="loosen it"):
        manifest.sheet(where="identity = 0001 and identity = 0002")


def test_what_it_shows_of_itself(manifest):
    assert (
        repr(manifest)
        == "Manifest of 48 images, 4 identities\n  weather 2, illumination 2, viewpoint_deg 3,"
        " camera 3\n  engine"
    )
    assert repr(manifest.rejected).startswith("rejected: 0 rows\n  dataset, path, reason")
    shown = manifest._repr_html_()
    assert shown.count("<img ") == 8
    assert '<th style="text-align:left">weather</th><td>sunny, foggy</td>' in shown
    assert manifest.identities._repr_html_().count("<tr>") == 5
