"""Splits drawn block by block: the same split as the draw from all rows in memory."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gprplus.core.errors import GprplusError, SplitError
from gprplus.core.files import workdir
from gprplus.ingest import Manifest
from gprplus.ingest.filters.parse import Filter
from gprplus.ingest.tables.parquet_table import ParquetTable
from gprplus.splits import Split, make, make_split, split
from gprplus.splits.make import draw_split, write_split
from gprplus.splits.request import SplitRequest
from gprplus.splits.split import EXCLUDED
from gprplus.splits.streaming import drawing, make_streamed
from gprplus.splits.streaming.drawing import BlockMap
from gprplus.splits.streaming.make_streamed import can_stream, write_streamed
from gprplus.splits.streaming.spool import KeySpool
from gprplus.splits.streaming.survey import survey_manifest


def in_groups(source, size):
    """The manifest with row groups of a size."""
    images = source.path / "images.parquet"
    workdir.write_table(images, pq.ParquetFile(images).read(), row_group_size=size)
    return Manifest.open(source.path)


def in_memory(source, request, folder):
    """The split, or the sentence of its error."""
    where = None if request.where is None else Filter(request.where)
    try:
        return write_split(folder, draw_split(source, request, folder, where))
    except GprplusError as error:
        return str(error)


def streamed(source, request, folder, rows):
    """The same in blocks of about `rows` rows."""
    where = None if request.where is None else Filter(request.where)
    assert can_stream(source, request, where)
    try:
        survey = survey_manifest(source, where, request.protocol)
        return write_streamed(
            source, survey, request, folder, where, blocks=BlockMap(rows, workers=1)
        )
    except GprplusError as error:
        return str(error)


def assert_same(one, other):
    """Two splits with the same record and rows; or two equal errors."""
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert replace(one.record, versions={}) == replace(other.record, versions={})
    assert one.members().to_pylist() == other.members().to_pylist()
    assert read(one, EXCLUDED) == read(other, EXCLUDED)
    ours, theirs = one.tests(), other.tests()
    assert list(ours) == list(theirs)
    for name, (fact, groups) in ours.items():
        assert fact == theirs[name][0]
        for mine, yours in zip(groups, theirs[name][1], strict=True):
            assert mine.to_pylist() == yours.to_pylist()
    assert Split.open(other.path).record == other.record


def read(split, name):
    return pq.ParquetFile(split.path / name).read().to_pylist()


@pytest.fixture(scope="module")
def renders(crossed, write_manifest, tmp_path_factory):
    """Two datasets, with unknown levels, junk, images without identity and traits of identities."""
    lights = ("forenoon", "night")
    rows = [
        *crossed(identities=10, views=4, lights=lights, dataset="a"),
        *crossed(identities=8, views=3, lights=lights, dataset="b"),
    ]
    rows = [
        {
            **row,
            "weather": None if i % 37 == 0 else row["weather"],
            "background": f"place{(i // 32 + len(row['weather'])) % 3}",
            "identity": None if i % 41 == 0 else row["identity"],
            "is_junk": i % 43 == 0,
            "is_distractor": True if i % 47 == 0 else None,
            "size_bytes": 1000 + 7 * i % 911,
            "width_px": 64,
            "height_px": 128,
        }
        for i, row in enumerate(rows)
    ]
    people = [
        {"dataset": one, "identity": f"{i:04}", "gender": ("male", "female")[i % 2]}
        for one, count in (("a", 11), ("b", 9))
        for i in range(1, count)
    ]
    source = write_manifest(tmp_path_factory.mktemp("renders") / "manifest", rows, people)
    return in_groups(source, 47)


REQUESTS = [  # rows of a block, options, the start of the error if there is one
    (1, {}, ""),
    (200, {"design": "without", "deals": 2}, ""),
    (60, {"design": "transfer", "levels": ("sunny", "foggy"), "deals": 1}, ""),
    (
        90,
        {"levels": ("sunny+clouds",), "control_draws": 2, "add_full_arm": True, "deals": 2},
        "",
    ),
    (60, {"budget": 40, "deals": 3}, ""),
    (60, {"identities": 3, "images_per_identity": 2, "deals": 2}, ""),
    (60, {"identities": 90}, "90 identities were requested"),
    (60, {"min_retention": 1.0}, "Only "),
    (60, {"design": "full"}, ""),
    (60, {"attr": "illumination", "where": "weather in (sunny, foggy) and gender = male"}, ""),
    (
        60,
        {"attr": "illumination", "cross_level_tests": False, "audit": "none", "deals": 1},
        "",
    ),
    (60, {"attr": "background", "deals": 1}, "Nothing can be compared"),
    (60, {"test_share": 0.0, "deals": 1}, ""),
    (1, {"test_share": 0.6, "cross_level_tests": True, "deals": 1}, ""),
    (60, {"protocol": "no-camera", "controls": False}, ""),
    (60, {"where": "weather = sunny"}, "weather has one level only"),
]


@pytest.mark.parametrize(("rows", "changes", "error"), REQUESTS, ids=str)
def test_a_split_does_not_depend_on_its_blocks(rows, changes, error, renders, tmp_path):
    request = SplitRequest(
        **{"attr": "weather", "min_retention": 0.0, "seed": 3, "deals": 2} | changes
    )
    whole = in_memory(renders, request, tmp_path / "whole" / "split")
    assert isinstance(whole, str) == bool(error)
    assert not error or whole.startswith(error)
    assert_same(whole, streamed(renders, request, tmp_path / "blocks" / "split", rows))


@examples(4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 999),
    group=st.sampled_from([1, 9, 40]),
    rows=st.sampled_from([5, 20, 50]),
    attr=st.sampled_from(["weather", "illumination"]),
    budget=st.sampled_from([None, 6]),
)
def test_row_groups_and_blocks_of_any_size_give_one_split(
    seed, group, rows, attr, budget, crossed, write_manifest, tmp_path_factory
):
    rng = np.random.default_rng(seed)
    design = {"views": 2, "weathers": ("sunny", "clouds", "foggy"), "lights": ("forenoon", "night")}
    images = [*crossed(5, **design), *crossed(4, **design, dataset="other")]
    images = [
        {**row, "camera": None if rng.random() < 0.1 else row["camera"]}
        for row in images
        if rng.random() < 0.9
    ]
    folder = tmp_path_factory.mktemp("any")
    factors = ["weather", "illumination"] if seed % 2 else []
    source = in_groups(write_manifest(folder / "m", images, factors=factors, functions={}), group)
    request = SplitRequest(
        attr=attr, seed=seed, budget=budget, deals=2, test_share=0.4, min_retention=0.0
    )
    whole = in_memory(source, request, folder / "whole" / "split")
    assert_same(whole, streamed(source, request, folder / "blocks" / "split", rows))


def test_no_column_is_read_whole(renders, tmp_path, monkeypatch):
    most = []
    read = ParquetTable.read

    def counted(self, group, names):
        table = read(self, group, names)
        most.append(len(table))
        return table

    monkeypatch.setattr(ParquetTable, "read", counted)
    streamed(renders, SplitRequest(attr="weather", deals=1), tmp_path / "split", 60)
    assert max(most) == 47  # rows of a row group


@pytest.mark.parametrize("room", [1, 3, 100])
def test_keys_come_back_sorted(room, tmp_path):
    keys = np.random.default_rng(0).integers(0, 2**64, 50, dtype=np.uint64)
    spool = KeySpool(tmp_path / "keys")
    for start in range(0, 50, 7):
        spool.add(keys[start : start + 7])
    found = np.concatenate(list(spool.sorted_keys(room)))
    assert found.tolist() == sorted(keys.tolist())


def test_large_parts_are_verified_by_column(renders, tmp_path, monkeypatch):
    made = make_split(renders, "weather", output=tmp_path / "split", deals=2)
    monkeypatch.setattr(split, "AT_ONCE", 3)
    assert Split.open(made.path).record == made.record
    record = made.path / "split.json"
    record.write_text(record.read_text().replace(made.record.fingerprint, "0" * 64))
    with pytest.raises(SplitError, match="does not hold the rows"):
        Split.open(made.path)


def test_large_manifests_are_streamed(renders, tmp_path, monkeypatch):
    whole = make_split(renders, "weather", output=tmp_path / "whole" / "split", deals=2)
    monkeypatch.setattr(make_streamed, "STREAM_ROWS", 10)
    monkeypatch.setattr(drawing.BlockMap, "run", lambda _, function, jobs: map(function, jobs))
    monkeypatch.setattr(make, "draw_split", None)
    assert_same(
        whole, make_split(renders, "weather", output=tmp_path / "blocks" / "split", deals=2)
    )


def test_what_is_drawn_in_memory(renders):
    """Designs, rules and audits that need all rows at once."""
    for changes in (
        {"attr": "gender"},
        {"design": "persons"},
        {"design": "scaling", "levels": ("sunny+clouds",)},
        {"on_missing": "drop-identity"},
        {"audit": "pixels"},
        {"without_same_level_matches": True},
    ):
        assert not can_stream(renders, SplitRequest(**{"attr": "weather"} | changes), None)
