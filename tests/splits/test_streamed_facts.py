"""Facts of `inspect` counted a row group at a time: those of all rows in one table."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gprplus.core.files import workdir
from gprplus.ingest import Manifest, inspect
from gprplus.ingest.inspection import inspect_manifest
from gprplus.ingest.inspection.inspect_manifest import facts_of
from gprplus.ingest.inspection.streamed import streamed_facts

FACTORS = st.sampled_from(
    [
        [],
        ["weather"],
        ["identity", "weather", "illumination"],
        ["weather", "identity", "viewpoint_deg"],
        ["weather", "illumination"],
    ]
)


def grouped(source, size):
    images = source.path / "images.parquet"
    workdir.write_table(images, pq.ParquetFile(images).read(), row_group_size=size)
    return Manifest.open(source.path)


def assert_same(one, other):
    """Two facts, equal; levels of identities may be a list or not."""
    assert (one.margins, one.junk, one.numbers) == (other.margins, other.junk, other.numbers)
    assert list(one.datasets) == list(other.datasets)
    for name, mine in one.datasets.items():
        yours = other.datasets[name]
        assert mine.cells == yours.cells
        assert sorted(mine.aliases, key=str) == sorted(yours.aliases, key=str)
        assert list(mine.identities.levels) == list(yours.identities.levels)
        assert mine.identities.images.tolist() == yours.identities.images.tolist()


@settings(
    deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 999), size=st.sampled_from([3, 25]), factors=FACTORS)
def test_row_groups_of_any_size_give_the_same_facts(
    seed, size, factors, crossed, write_manifest, tmp_path_factory
):
    rng = np.random.default_rng(seed)
    rows = [*crossed(identities=3, views=2), *crossed(identities=2, views=2, dataset="other")]
    rows = [
        {
            **row,
            "weather": None if rng.random() < 0.1 else row["weather"],
            "identity": None if rng.random() < 0.05 else row["identity"],
            "background": row["identity"] + row["weather"] if seed % 2 else row["background"],
            "is_junk": rng.random() < 0.1,
            "is_distractor": True if rng.random() < 0.1 else None,
        }
        for row in rows
        if rng.random() < 0.8
    ]
    functions = {"camera": ["viewpoint_deg"], "background": ["identity", "weather"]}
    folder = tmp_path_factory.mktemp("facts") / "manifest"
    source = grouped(write_manifest(folder, rows, factors=factors, functions=functions), size)
    found = streamed_facts(source)
    assert found is not None
    assert_same(found, facts_of(source))


def test_a_manifest_that_is_not_sorted_is_read_as_one_table(crossed, write_manifest, tmp_path):
    rows = crossed(identities=3, views=2)[::-1]
    assert streamed_facts(grouped(write_manifest(tmp_path / "m", rows), 5)) is None


def test_inspect_counts_a_large_manifest_by_row_group(
    crossed, write_manifest, tmp_path, monkeypatch
):
    source = grouped(write_manifest(tmp_path / "m", crossed(identities=4, views=2)), 7)
    whole = inspect(source)
    monkeypatch.setattr(inspect_manifest, "STREAM_ROWS", 10)
    monkeypatch.setattr(inspect_manifest, "facts_of", None)
    assert replace(inspect(source), path="") == replace(whole, path="")
    # 4 identities x 2 views x 4 weathers x 3 lights, each with one image
    assert [(one.cells, one.missing, one.most) for one in whole.cells] == [(96, 0, 1)]
