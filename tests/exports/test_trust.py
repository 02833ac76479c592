"""A split from elsewhere names files: only images below plain paths ever leave in an export."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gprplus.errors import ExportError
from gprplus.exports import FORMS, export


def strangers_split(house, folder, root, path):
    """The split of the house as a stranger would write it: all images are `path` below `root`."""
    folder.mkdir()
    source = house / "splits" / "weather"
    record = json.loads((source / "split.json").read_text())
    record["datasets"]["engine"]["root"] = str(root)
    (folder / "split.json").write_text(json.dumps(record))
    rows = pq.read_table(source / "members.parquet")
    at = rows.column_names.index("path")
    pq.write_table(rows.set_column(at, "path", pa.array([path] * len(rows))), folder / "members.parquet")
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_a_text_file_is_not_exported_as_an_image(house, tmp_path, form):
    (tmp_path / "secret").write_text("root:x:0:0")
    split = strangers_split(house, tmp_path / "split", tmp_path, "secret")
    with pytest.raises(ExportError):
        export(split, form, tmp_path / "out", arm="mix")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", FORMS)
def test_an_image_that_became_a_text_file_stops_an_export(house, tmp_path, draw, form):
    from gprplus.ingest import build_manifest

    renders = draw(tmp_path / "renders", people=2, views=2)
    build_manifest([renders], tmp_path / "manifest")
    (tmp_path / "manifest" / "scan.parquet").unlink()
    (renders / "0001" / "0001_c01_w01_l03.jpg").write_text("<html>quota exceeded</html>")
    with pytest.raises(ExportError, match=r"0001_c01_w01_l03.jpg is no image: its first bytes are of no image format"):
        export(tmp_path / "manifest", form, tmp_path / "out")
    assert not (tmp_path / "out").exists()
