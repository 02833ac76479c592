"""A split from elsewhere names files: only images below plain paths ever leave in an export."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gprplus.core.errors import ExportError, ManifestError, SplitError
from gprplus.exports import FORMS, export
from gprplus.ingest import build_manifest
from gprplus.splits import Split, make_split


def strangers_split(house, folder, root, path):
    """The split of the house as a stranger would write it: all images are `path` below `root`,
    relative to it."""
    folder.mkdir()
    source = house / "splits" / "weather"
    record = json.loads((source / "split.json").read_text())
    record["datasets"]["engine"]["root"] = str(root)
    (folder / "split.json").write_text(json.dumps(record))
    rows = pq.read_table(source / "members.parquet")
    at = rows.column_names.index("path")
    pq.write_table(
        rows.set_column(at, "path", pa.array([path] * len(rows))), folder / "members.parquet"
    )
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_a_text_file_is_not_exported_as_an_image(house, tmp_path, form):
    (tmp_path / "secret").write_text("root:x:0:0")
    split = strangers_split(house, tmp_path / "split", "..", "secret")
    with pytest.raises(
        ExportError,
        match=r"secret is no image: its first bytes are|written over others|The size of",
    ):
        export(split, form, tmp_path / "out", arm="mix")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("root", ["/etc", "../" * 40 + "etc"])
def test_a_root_that_was_not_recorded_in_this_place_is_refused(house, tmp_path, root):
    split = strangers_split(house, tmp_path / "split", root, "passwd")
    with pytest.raises(
        SplitError, match=r"etc as the folder of dataset 'engine'.*--root engine=DIR"
    ):
        export(split, "parquet", tmp_path / "out")
    assert Split.open(split).roots({"engine": house}) == {"engine": house}
    manifest = shutil.copytree(house / "manifest", tmp_path / "manifest")
    record = json.loads((manifest / "manifest.json").read_text())
    record["datasets"]["engine"]["root"] = root
    (manifest / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(
        ManifestError, match=r"etc as the folder of dataset 'engine'.*--root engine=DIR"
    ):
        export(manifest, "parquet", tmp_path / "out")


@pytest.mark.parametrize("form", FORMS)
def test_a_page_in_place_of_an_image_stops_an_export_without_a_manifest(tmp_path, draw, form):
    renders = draw(tmp_path / "renders", views=2)
    made = make_split(
        build_manifest([renders], tmp_path / "manifest"), "weather", output=tmp_path / "split"
    )
    shutil.rmtree(tmp_path / "manifest")
    path = made.train("mix")["path"][0].as_py()
    (renders / path).write_text("<html>quota exceeded</html>")
    with pytest.raises(
        ExportError,
        match=rf"{path} is no image: its first bytes are of no image format"
        if form != "coco"
        else "The size of .* is unknown .*: their manifest has gone",
    ):
        export(tmp_path / "split", form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("source", ["manifest", "split"])
def test_images_that_changed_since_the_manifest_are_refused(tmp_path, draw, form, source):
    renders = draw(tmp_path / "renders", views=2)
    made = make_split(
        build_manifest([renders], tmp_path / "manifest"), "weather", output=tmp_path / "split"
    )
    first, second = made.train("mix")["path"].to_pylist()[:2]
    (renders / first).write_bytes(b"")
    (renders / second).write_bytes(b"<html>quota exceeded</html>")
    with pytest.raises(
        ExportError, match=r"^2 of \d+ images have changed since .* Build the manifest "
    ):
        export(tmp_path / source, form, tmp_path / "out")
    assert not (tmp_path / "out").exists()
