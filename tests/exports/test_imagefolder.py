"""Folders with metadata, as Hugging Face's imagefolder expects them."""

import pyarrow.parquet as pq
import pytest

from gprplus.exports import export
from gprplus.splits import Split


@pytest.fixture(scope="module")
def written(house):
    return export(
        house / "splits" / "weather", "imagefolder", house / "out" / "folder", arm="mix", link="sym"
    )


def test_every_image_has_a_row_and_every_row_an_image(house, written):
    split = Split.open(house / "splits" / "weather")
    for folder, members in (("train", split.train("mix")), ("test", split.test())):
        table = pq.read_table(written.path / folder / "metadata.parquet")
        there = {
            path.relative_to(written.path / folder).as_posix()
            for path in (written.path / folder).rglob("*.jpg")
        }
        assert set(table.column("file_name").to_pylist()) == there
        assert sorted(map(int, table.column("uid").to_pylist())) == sorted(
            members.column("uid").to_pylist()
        )


def test_identities_stay_text_and_columns_are_of_types_that_every_reader_takes(written):
    table = pq.read_table(written.path / "train" / "metadata.parquet")
    assert all(len(identity) == 4 for identity in table.column("identity").to_pylist())
    assert {str(field.type) for field in table.schema} <= {"string", "int32", "int64", "bool"}


def test_what_is_unknown_of_every_image_is_no_column(written):
    assert "gender" not in pq.read_table(written.path / "train" / "metadata.parquet").column_names


def test_query_and_gallery_are_told_apart_by_a_column(written):
    table = pq.read_table(written.path / "test" / "metadata.parquet")
    assert set(table.column("role").to_pylist()) == {"query", "gallery"}


def test_symbolic_links_are_relative_and_lead_to_the_render(house, written):
    path = next((written.path / "train").rglob("*.jpg"))
    assert path.is_symlink()
    assert not path.readlink().is_absolute()
    assert path.resolve().is_relative_to((house / "renders").resolve())
