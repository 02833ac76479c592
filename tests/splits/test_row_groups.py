"""Manifests in pieces: what a split holds does not depend on how the rows were grouped, or on what
fits into memory."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.core import sampling
from gprplus.core.files import workdir
from gprplus.ingest import Manifest
from gprplus.splits import lazy_columns, make_split, members
from gprplus.splits.load import load_candidates, merge_datasets


def holes(rows):
    """Rows of every kind: some without a weather, some without a person, some junk, distractors
    among them."""
    return [
        {
            **row,
            "weather": None if i % 37 == 0 else row["weather"],
            "identity": None if i % 41 == 0 else row["identity"],
            "is_junk": i % 43 == 0,
            "is_distractor": True if i % 47 == 0 else None,
        }
        for i, row in enumerate(rows)
    ]


@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_row_groups_of_any_size_give_one_split(
    order, crossed, write_manifest, tmp_path, monkeypatch
):
    rows = holes(crossed(identities=16))
    if order == "shuffled":
        np.random.default_rng(3).shuffle(rows)
    source = write_manifest(tmp_path / "manifest", rows)
    images = source.path / "images.parquet"
    whole = make_split(source, "weather", output=tmp_path / "whole" / "split")
    workdir.write_table(images, pq.ParquetFile(images).read(), row_group_size=7)
    monkeypatch.setattr(
        lazy_columns, "ROOM", 2_000
    )  # the paths of most row groups are read again each time
    monkeypatch.setattr(members, "ROW_GROUP", 50)
    pieces = make_split(Manifest.open(source.path), "weather", output=tmp_path / "pieces" / "split")
    assert pieces.record == whole.record
    assert pieces.members().equals(whole.members())


def test_texts_of_any_rows_come_in_the_order_asked_for(crossed, write_manifest, tmp_path):
    source = write_manifest(tmp_path / "manifest", holes(crossed(identities=6)))
    images = source.path / "images.parquet"
    table = pq.ParquetFile(images).read()
    workdir.write_table(images, table, row_group_size=11)
    pool = load_candidates(source)
    path = dict(zip(table.column("uid").to_pylist(), table.column("path").to_pylist(), strict=True))
    rows = np.random.default_rng(0).integers(0, len(pool), 200)
    assert pool.texts.take("path", rows).to_pylist() == [
        path[uid] for uid in pool.uid[rows].tolist()
    ]
    assert pool.texts.take("path", rows[:0]).to_pylist() == []
    assert len(pool.texts.column("path")) == len(pool)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.none() | st.integers(0, 300), max_size=40), min_size=1, max_size=5))
def test_codes_of_pieces_are_those_of_the_whole(pieces):
    blocks = []
    for piece in pieces:
        levels = list(dict.fromkeys(value for value in piece if value is not None))
        blocks.append(
            (
                np.array([-1 if v is None else levels.index(v) for v in piece], dtype=np.int32),
                levels,
            )
        )
    codes, levels = merge_datasets(blocks, sorted)
    assert [None if code < 0 else levels[code] for code in codes.tolist()] == [
        v for piece in pieces for v in piece
    ]
    assert list(levels) == sorted({v for piece in pieces for v in piece} - {None})


def test_codes_and_their_table_have_one_fingerprint():
    import pyarrow as pa

    levels = ("b", "ä", "a\\c", "unused")
    codes = np.array([0, 1, -1, 2, 2, 0, 1, 1, 1, -1, 0])
    column = pa.array([None if code < 0 else levels[code] for code in codes]).dictionary_encode()
    blocks = b"".join(map(bytes, sampling.fingerprint_codes(codes, levels, rows=8)))
    assert sampling.sha256_digest(
        sampling.fingerprint_header("x", len(codes)) + blocks
    ) == sampling.sha256_digest(_bytes(pa.table({"x": column})))
    numbers = pa.table({"x": pa.array([None, 7, 300, 7], pa.int32())})
    assert sampling.fingerprint_header("x", 4) + b"".join(
        map(bytes, sampling.fingerprint_codes(np.array([-1, 0, 1, 0]), (7, 300)))
    ) == _bytes(numbers)


def _bytes(table):
    return sampling.fingerprint_header("x", len(table)) + b"".join(
        map(bytes, sampling._blocks(table.column("x").combine_chunks()))
    )
