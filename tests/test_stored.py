"""Tables read back: whatever a file holds, it is the table of its schema or one sentence."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gprplus import schema
from gprplus.core.errors import ManifestError, ScoreError, SplitError
from gprplus.ingest import Manifest, build_manifest
from gprplus.schema import stored
from gprplus.splits import Split, make_split

QUERIES = pa.table(
    {
        "target": ["self", "self"],
        "uid": pa.array([1, 2**64 - 1], pa.uint64()),
        "identity": ["ann", None],
        "level": ["sunny", "foggy"],
        "valid": [True, False],
        "AP": [0.5, None],
        "first_match_rank": pa.array([2, None], pa.int32()),
        "inp": [0.5, None],
    }
)


def read(path, table):
    pq.write_table(table, path)
    return stored.read_table(path, schema.QUERIES, ScoreError, "Run it again.")


def other(name, values):
    return QUERIES.set_column(QUERIES.column_names.index(name), name, pa.array(values))


def test_types_that_hold_the_same_values_are_read_as_the_schemas(tmp_path):
    wanted = schema.conform(QUERIES, schema.QUERIES)
    alike = (
        QUERIES,
        other("identity", pa.array(["ann", None], pa.large_string())),
        other("identity", pa.array(["ann", None]).dictionary_encode()),
        other("first_match_rank", pa.array([2, None], pa.int64())),
        QUERIES.append_column("spare", pa.array([1, 2])),
    )
    for table in alike:
        assert read(tmp_path / "q.parquet", table).equals(wanted)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("uid", pa.array([1.0, 2.0]), "column uid is double, expected uint64. Run it again."),
        ("uid", pa.array([1, -1]), "not in range"),
        ("uid", pa.array([1, None], pa.uint64()), "1 rows have no uid"),
        ("uid", pa.array(["1", "2"]), "column uid is string"),
        ("valid", pa.array([1, 0]), "column valid is int64, expected bool"),
        ("valid", pa.nulls(2, pa.bool_()), "2 rows have no valid"),
        ("AP", pa.array(["0.5", "1"]), "column AP is string, expected float64"),
        ("AP", pa.array([[0.5], [1.0]]), "column AP is list"),
        ("identity", pa.array([1, 2]), "column identity is int64, expected level"),
        ("identity", pa.array([b"\xff", b"a"]), "column identity is binary, expected level"),
        ("identity", pa.array([1, 2]).dictionary_encode(), "column identity is (dictionary|int64)"),
        ("first_match_rank", pa.array([2**40, None]), "not in bounds|out of bounds|not in range"),
        (
            "level",
            pa.array(np.array([0, 1], "datetime64[s]")),
            r"column level is timestamp\[ms\], expected level",
        ),
    ],
)
def test_another_type_is_one_sentence(tmp_path, name, values, sentence):
    with pytest.raises(ScoreError, match=sentence) as raised:
        read(tmp_path / "q.parquet", other(name, values))
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text_are_one_sentence(tmp_path):
    raw = pa.array([b"ok", b"\xff\xfe"])
    text = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    with pytest.raises(ScoreError, match=r"cannot be read as a Parquet table: .*UTF8"):
        read(tmp_path / "q.parquet", other("level", text))


@pytest.fixture(scope="module")
def world(tmp_path_factory, draw):
    """A manifest and a split of it."""
    home = tmp_path_factory.mktemp("stored")
    draw(home / "renders", people=6, views=2)
    build_manifest([home / "renders"], home / "manifest", workers=1)
    make_split(home / "manifest", "weather", output=home / "split")
    return home


@pytest.fixture
def copy(world, tmp_path):
    shutil.copytree(world, tmp_path / "home")
    return tmp_path / "home"


CUTS = [
    lambda data: data[:-1],
    lambda data: data[: len(data) // 2],
    lambda data: data[4:],
    lambda data: b"",
]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", ["images", "identities", "rejected", "scan"])
def test_a_manifest_with_a_cut_table_is_not_unchanged_and_is_made_again_with_force(copy, name, cut):
    path = copy / "manifest" / f"{name}.parquet"
    whole = path.read_bytes()
    path.write_bytes(cut(whole))
    with pytest.raises(
        ManifestError,
        match=rf"{name}.parquet is damaged or cut short. Build it again with --force.",
    ):
        build_manifest([copy / "renders"], copy / "manifest")
    build_manifest([copy / "renders"], copy / "manifest", workers=1, force=True)
    assert path.read_bytes() == whole


def test_a_table_of_other_rows_than_the_record_counts_is_refused(copy):
    path = copy / "manifest" / "images.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(
        ManifestError,
        match=r"images.parquet has \d+ rows, manifest.json counts \d+. Build it again",
    ):
        Manifest.open(copy / "manifest").images()


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("uid", lambda rows: pa.array(np.zeros(rows)), "column uid is double, expected uint64"),
        ("uid", lambda rows: pa.nulls(rows, pa.uint64()), "rows have no uid"),
        ("weather", lambda rows: pa.array([3] * rows), "column weather is int64, expected level"),
        ("path", lambda rows: pa.array([b"x"] * rows), "column path is binary, expected string"),
    ],
)
def test_splits_are_neither_made_of_nor_read_from_columns_of_another_type(
    copy, name, values, sentence
):
    images, members = copy / "manifest" / "images.parquet", copy / "split" / "members.parquet"
    for place in (images, members):
        table = pq.read_table(place)
        pq.write_table(
            table.set_column(table.column_names.index(name), name, values(len(table))), place
        )
    with pytest.raises(ManifestError, match=sentence):
        make_split(copy / "manifest", "weather", output=copy / "other")
    with pytest.raises(SplitError, match=sentence):
        Split.open(copy / "split").members()


@pytest.mark.parametrize(("name", "column"), [("scan", "size_bytes"), ("rejected", "reason")])
def test_a_table_of_a_manifest_without_one_of_its_columns_is_refused(copy, name, column):
    path = copy / "manifest" / f"{name}.parquet"
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    with pytest.raises(ManifestError, match=rf"{name}.parquet lacks the column\(s\) {column}"):
        getattr(Manifest.open(copy / "manifest"), name)()
